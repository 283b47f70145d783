//! Modules made of modules: in a row, in a list, by name; and lists of bare parameters.

mod module_dict;
mod module_list;
mod parameter_dict;
mod parameter_list;
mod sequential;

pub use module_dict::ModuleDict;
pub use module_list::ModuleList;
pub use parameter_dict::ParameterDict;
pub use parameter_list::ParameterList;
pub use sequential::Sequential;

use crate::module::ModuleState;

/// Panics unless `name` can name a child beside `names`.
#[track_caller]
fn check_name<'a>(container: &str, state: &ModuleState, mut names: impl Iterator<Item = &'a str>, name: &str) {
    if name.is_empty() {
        tensor::fault!(container, [], "the name is empty");
    }
    if name.contains('.') {
        tensor::fault!(container, [], "the name \"{name}\" contains a dot");
    }
    if names.any(|known| known == name) || state.has_entry(name) {
        tensor::fault!(container, [], "there already is an entry named \"{name}\"");
    }
}
