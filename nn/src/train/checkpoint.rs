//! Everything that training depends on, in one file: weights and buffers, the optimizer's memory, schedulers, the
//! position in the data, and the random generator. Training that resumes from it ends with the same bits as training that
//! was never interrupted.
//!
//! The file is a safetensors file: `model.NAME`, `optimizer.NUMBER.NAME` and the user's own tensors, the rest as JSON in
//! the metadata. It is written atomically, so a process killed at any moment leaves a whole checkpoint.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tensor::{Generator, GeneratorState, Tensor, with_default_generator};

use crate::io::{IoError, load_safetensors, save_safetensors};
use crate::module::LoadError;
use crate::optim::{Optimizer, OptimizerState, OptimizerStateError};
use crate::schedule::{Scheduler, SchedulerStateError};
use crate::{Module, StateDict};

/// Where training stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The epoch that is under way, for [`DataLoader::epoch_from`](crate::data::DataLoader::epoch_from).
    pub epoch: u64,
    /// How many of its batches are learned.
    pub batch: usize,
    /// How many steps were made in all.
    pub step: u64,
}

/// Why a checkpoint could not be used; the message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file itself.
    #[error(transparent)]
    Io(#[from] IoError),
    /// It lacks something, or is not a checkpoint.
    #[error("{}: {reason}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The model does not fit.
    #[error("{}: {source}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// All that does not fit.
        #[source]
        source: LoadError,
    },
    /// The optimizer does not fit.
    #[error("{}: {source}", path.display())]
    Optimizer {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: OptimizerStateError,
    },
    /// A scheduler does not fit.
    #[error("{}: {source}", path.display())]
    Scheduler {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        #[source]
        source: SchedulerStateError,
    },
}

/// The metadata of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Header {
    version: u32,
    position: Position,
    /// The default generator: key in hexadecimal digits, position as a decimal number.
    generator: (String, String),
    optimizer: Option<(String, Vec<Map<String, Value>>)>,
    schedulers: BTreeMap<String, Value>,
    notes: BTreeMap<String, String>,
}

const KEY: &str = "gradus.checkpoint";

/// A snapshot of training.
///
/// ```
/// use gradus_nn::optim::{Adam, Optimizer};
/// use gradus_nn::prelude::*;
/// use gradus_nn::train::{Checkpoint, Position};
///
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("last.safetensors");
/// let model = Linear::new(3, 2);
/// let mut adam = Adam::new(model.parameters(), 1e-3);
/// let position = Position { epoch: 4, batch: 17, step: 2017 };
/// Checkpoint::of(&model, position).with_optimizer(&adam).save(&path).unwrap();
///
/// let checkpoint = Checkpoint::load(&path).unwrap();
/// checkpoint.restore_model(&model).unwrap();
/// checkpoint.restore_optimizer(&mut adam).unwrap();
/// checkpoint.restore_generator();
/// assert_eq!(checkpoint.position(), position);
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    path: PathBuf,
    model: StateDict,
    optimizer: Option<OptimizerState>,
    generator: GeneratorState,
    header: Header,
    tensors: BTreeMap<String, Tensor>,
}

impl Checkpoint {
    /// A snapshot of a model, the default generator and a position.
    pub fn of(model: &dyn Module, position: Position) -> Checkpoint {
        Checkpoint {
            path: PathBuf::new(),
            model: model.state_dict(),
            optimizer: None,
            generator: with_default_generator(|generator| generator.state()),
            header: Header {
                version: 1,
                position,
                generator: Default::default(),
                optimizer: None,
                schedulers: BTreeMap::new(),
                notes: BTreeMap::new(),
            },
            tensors: BTreeMap::new(),
        }
    }

    /// Adds an optimizer's options and memory.
    #[must_use]
    pub fn with_optimizer(mut self, optimizer: &dyn Optimizer) -> Checkpoint {
        self.optimizer = Some(optimizer.state_dict());
        self
    }

    /// Adds a scheduler's state under a name.
    #[must_use]
    pub fn with_scheduler(self, name: &str, scheduler: &dyn Scheduler) -> Checkpoint {
        self.with_state(name, scheduler.state_dict())
    }

    /// Adds any state under a name, such as a [`ReduceLrOnPlateau`](crate::schedule::ReduceLrOnPlateau)'s.
    #[must_use]
    pub fn with_state(mut self, name: &str, state: Value) -> Checkpoint {
        self.header.schedulers.insert(name.to_string(), state);
        self
    }

    /// Adds free text under a name.
    #[must_use]
    pub fn with_note(mut self, name: &str, text: impl Into<String>) -> Checkpoint {
        self.header.notes.insert(name.to_string(), text.into());
        self
    }

    /// Adds a tensor under a name, such as a moving average.
    #[must_use]
    pub fn with_tensor(mut self, name: &str, tensor: Tensor) -> Checkpoint {
        self.tensors.insert(name.to_string(), tensor);
        self
    }

    /// Writes the file, atomically and durably.
    ///
    /// # Errors
    /// If it cannot be written; an old one is then as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let mut header = self.header.clone();
        let seed = self.generator.seed.iter().map(|byte| format!("{byte:02x}")).collect();
        header.generator = (seed, self.generator.position.to_string());
        let mut tensors: Vec<(String, &Tensor)> =
            self.model.iter().map(|(name, tensor)| (format!("model.{name}"), tensor)).collect();
        tensors.extend(self.tensors.iter().map(|(name, tensor)| (format!("tensor.{name}"), tensor)));
        if let Some(optimizer) = &self.optimizer {
            header.optimizer = Some((optimizer.method.clone(), optimizer.param_groups.clone()));
            for (number, memory) in &optimizer.state {
                tensors.extend(memory.iter().map(|(name, tensor)| (format!("optimizer.{number}.{name}"), tensor)));
            }
        }
        let text = match serde_json::to_string(&header) {
            Ok(text) => text,
            Err(error) => return Err(self.content(path.as_ref(), format!("its state cannot be written: {error}"))),
        };
        Ok(save_safetensors(path, tensors, &BTreeMap::from([(KEY.to_string(), text)]))?)
    }

    /// Reads a file that [`save`](Checkpoint::save) wrote.
    ///
    /// # Errors
    /// If it cannot be read, or is not a checkpoint.
    pub fn load(path: impl AsRef<Path>) -> Result<Checkpoint, CheckpointError> {
        let path = path.as_ref();
        let fault = |reason: String| CheckpointError::Content { path: path.to_path_buf(), reason };
        let file = load_safetensors(path)?;
        let text = file.metadata.get(KEY).ok_or_else(|| fault(format!("not a checkpoint: no metadata {KEY}")))?;
        let header: Header = serde_json::from_str(text).map_err(|error| fault(format!("{KEY}: {error}")))?;
        if header.version != 1 {
            return Err(fault(format!("expected version 1, found {}", header.version)));
        }
        let generator =
            generator_state(&header.generator).ok_or_else(|| fault("its generator is not one".to_string()))?;
        let mut optimizer = header.optimizer.clone().map(|(method, param_groups)| OptimizerState {
            method,
            state: BTreeMap::new(),
            param_groups,
        });
        let (mut model, mut tensors) = (StateDict::new(), BTreeMap::new());
        for (name, tensor) in file.tensors {
            if let Some(name) = name.strip_prefix("model.") {
                model.insert(name, tensor);
            } else if let Some(name) = name.strip_prefix("tensor.") {
                tensors.insert(name.to_string(), tensor);
            } else if let Some((number, entry)) = name.strip_prefix("optimizer.").and_then(|rest| rest.split_once('.'))
            {
                let number = number.parse().map_err(|_| fault(format!("unexpected tensor {name}")))?;
                let state = optimizer.as_mut().ok_or_else(|| fault(format!("unexpected tensor {name}")))?;
                state.state.entry(number).or_default().insert(entry.to_string(), tensor);
            } else {
                return Err(fault(format!("unexpected tensor {name}")));
            }
        }
        Ok(Checkpoint { path: path.to_path_buf(), model, optimizer, generator, header, tensors })
    }

    /// Where training stood.
    pub fn position(&self) -> Position {
        self.header.position
    }

    /// The model's values by name.
    pub fn model(&self) -> &StateDict {
        &self.model
    }

    /// A tensor that [`with_tensor`](Checkpoint::with_tensor) added.
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// A text that [`with_note`](Checkpoint::with_note) added.
    pub fn note(&self, name: &str) -> Option<&str> {
        self.header.notes.get(name).map(String::as_str)
    }

    /// A state that [`with_state`](Checkpoint::with_state) or [`with_scheduler`](Checkpoint::with_scheduler) added.
    pub fn state(&self, name: &str) -> Option<&Value> {
        self.header.schedulers.get(name)
    }

    fn content(&self, path: &Path, reason: String) -> CheckpointError {
        CheckpointError::Content { path: path.to_path_buf(), reason }
    }

    /// Puts the weights and buffers into a model.
    ///
    /// # Errors
    /// If names or shapes do not fit; the model is then as it was.
    pub fn restore_model(&self, model: &dyn Module) -> Result<(), CheckpointError> {
        let fault = |source| CheckpointError::Model { path: self.path.clone(), source };
        model.load_state_dict(&self.model, true).map(drop).map_err(fault)
    }

    /// Puts options and memory into an optimizer.
    ///
    /// # Errors
    /// If there are none, or they do not fit; the optimizer is then as it was.
    pub fn restore_optimizer(&self, optimizer: &mut dyn Optimizer) -> Result<(), CheckpointError> {
        let state =
            self.optimizer.as_ref().ok_or_else(|| self.content(&self.path, "no optimizer was saved".to_string()))?;
        let fault = |source| CheckpointError::Optimizer { path: self.path.clone(), source };
        optimizer.load_state_dict(state).map_err(fault)
    }

    /// Puts a state into a scheduler.
    ///
    /// # Errors
    /// If there is none of that name, or it does not fit; the scheduler is then as it was.
    pub fn restore_scheduler(&self, name: &str, scheduler: &mut dyn Scheduler) -> Result<(), CheckpointError> {
        let state =
            self.state(name).ok_or_else(|| self.content(&self.path, format!("no scheduler {name} was saved")))?;
        let fault = |source| CheckpointError::Scheduler { path: self.path.clone(), source };
        scheduler.load_state_dict(state).map_err(fault)
    }

    /// Lets the default generator go on where it stood.
    pub fn restore_generator(&self) {
        with_default_generator(|generator| *generator = Generator::from_state(self.generator));
    }
}

fn generator_state((seed, position): &(String, String)) -> Option<GeneratorState> {
    let bytes = seed.as_bytes();
    if bytes.len() != 64 {
        return None;
    }
    let mut key = [0; 32];
    for (byte, digits) in key.iter_mut().zip(bytes.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(GeneratorState { seed: key, position: position.parse().ok()? })
}
