//! `#[derive(Module)]`: the tree of a module, written from its fields.
//!
//! The generated code names everything `nn::...`. Inside this workspace `nn` is the crate's name; users of `gradus` or
//! `gradus-nn` get the name from the prelude. `#[module(crate = path)]` overrides it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Ident, LitStr, Path, parse_macro_input, parse_quote};

/// Implements `Module` and `Display` for a struct with named fields, one of them `state: ModuleState`.
///
/// Every field is a parameter, a buffer, a module or an `Option` of one, and bears its field's name in state dicts;
/// `#[module(skip)]` on a field leaves it out (it is configuration, and needs `Clone`); `#[module(rename = "0")]` gives
/// it another name in state dicts, such as one that an existing checkpoint has. On the struct:
///
/// - `#[module(name = "ReLU")]`: the name that is printed (an expression), instead of the struct's own;
/// - `#[module(extra_repr = method)]`: a method giving the text between the parentheses when the module is printed;
/// - `#[module(multiply_adds = method)]`: a method `(&self, input: &[usize], output: &[usize]) -> u64` for summaries;
/// - `#[module(crate = path)]`: where this crate is, if the name `nn` is not in scope.
#[proc_macro_derive(Module, attributes(module))]
pub fn derive_module(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(input).unwrap_or_else(Error::into_compile_error).into()
}

struct Options {
    krate: Path,
    name: Expr,
    extra_repr: Option<Ident>,
    multiply_adds: Option<Ident>,
}

impl Options {
    fn parse(input: &DeriveInput) -> syn::Result<Options> {
        let ident = input.ident.to_string();
        let name = parse_quote!(#ident);
        let mut options = Options { krate: parse_quote!(nn), name, extra_repr: None, multiply_adds: None };
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("crate") {
                    options.krate = meta.value()?.parse()?;
                } else if meta.path.is_ident("name") {
                    options.name = meta.value()?.parse()?;
                } else if meta.path.is_ident("extra_repr") {
                    options.extra_repr = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("multiply_adds") {
                    options.multiply_adds = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("expected `crate`, `name`, `extra_repr` or `multiply_adds`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// What stands above a field.
#[derive(Default)]
struct FieldOptions {
    is_skipped: bool,
    rename: Option<LitStr>,
}

impl FieldOptions {
    fn parse(field: &Field) -> syn::Result<FieldOptions> {
        let mut options = FieldOptions::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("module")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("skip") {
                    options.is_skipped = true;
                } else if meta.path.is_ident("rename") {
                    options.rename = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("expected `skip` or `rename`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

fn expand(input: DeriveInput) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "a module is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "a module has named fields, one of them `state: ModuleState`"));
    };
    let Options { krate, name, extra_repr, multiply_adds } = Options::parse(&input)?;
    let (mut visits, mut copies, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
    let mut has_state = false;
    for field in &fields.named {
        let ident = field.ident.as_ref().expect("named fields have names");
        let text = ident.to_string();
        let text = text.strip_prefix("r#").unwrap_or(&text);
        let FieldOptions { is_skipped, rename } = FieldOptions::parse(field)?;
        if text == "state" {
            has_state = true;
            copies.push(quote!(#ident: self.#ident.copy(copier)));
        } else if is_skipped {
            copies.push(quote!(#ident: ::core::clone::Clone::clone(&self.#ident)));
        } else {
            let ty = &field.ty;
            let text = rename.map_or_else(|| text.to_owned(), |name| name.value());
            visits.push(quote!(#krate::Field::visit(&self.#ident, #text, visitor);));
            copies.push(quote!(#ident: #krate::Field::copy(&self.#ident, copier)));
            bounds.push(quote!(#ty: #krate::Field));
        }
    }
    if !has_state {
        return Err(Error::new_spanned(&input.ident, "a module needs a field `state: ModuleState`"));
    }
    let ident = &input.ident;
    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        let clause = generics.make_where_clause();
        clause.predicates.extend(bounds.into_iter().map(|bound| -> syn::WherePredicate { parse_quote!(#bound) }));
    }
    let (params, arguments, clause) = generics.split_for_impl();
    let extra_repr = extra_repr.map(|method| {
        quote! {
            fn extra_repr(&self) -> ::std::string::String {
                self.#method()
            }
        }
    });
    let multiply_adds = multiply_adds.map(|method| {
        quote! {
            fn multiply_adds(&self, input: &[usize], output: &[usize]) -> u64 {
                self.#method(input, output)
            }
        }
    });
    Ok(quote! {
        #[automatically_derived]
        impl #params #krate::Module for #ident #arguments #clause {
            fn type_name(&self) -> &'static str {
                #name
            }

            fn state(&self) -> &#krate::ModuleState {
                &self.state
            }

            fn visit_fields<'module>(&'module self, visitor: &mut dyn #krate::Visitor<'module>) {
                #(#visits)*
            }

            fn copy_with(&self, copier: &mut #krate::Copier) -> Self {
                Self { #(#copies),* }
            }

            #extra_repr

            #multiply_adds
        }

        #[automatically_derived]
        impl #params ::core::fmt::Display for #ident #arguments #clause {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #krate::display(self, f)
            }
        }
    })
}
