//! What the driver needs of a learned function, once on eml-core's API and once on libeml's own.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use eml_core::native::{Error, ErrorCode, Format, Model, Profile, TrainOptions};
use eml_core::{EmlEvent, EmlModel};

/// Depth, inputs and heads.
pub type Shape = (usize, usize, usize);

/// Features, and what the heads shall make of them.
pub struct Sample {
    pub features: Vec<f64>,
    pub targets: Vec<f64>,
}

pub trait Function: Sized {
    const PROFILE: &'static str;
    const EXTENSION: &'static str;

    fn new(shape: Shape, name: &str) -> Self;
    fn shape(&self) -> Shape;
    fn is_trained(&self) -> bool;
    fn predict(&self, features: &[f64]) -> Vec<f64>;
    /// Learns from these samples and no others, starting from what it knows. Returns whether it is good now.
    fn learn(&mut self, samples: &[&Sample]) -> bool;
    /// At any instant, even if the machine stops, the path is the old model or the new one.
    fn save(&mut self, path: &Path) -> io::Result<()>;
    /// `None` if the bytes are no model.
    fn load(path: &Path, name: &str) -> io::Result<Option<Self>>;
    fn push_event(&mut self, event: EmlEvent);
    fn drain_events(&mut self) -> Vec<EmlEvent>;
}

/// eml-core's API, its definitions and its limits. What is missing there is done here.
impl Function for EmlModel {
    const PROFILE: &'static str = "eml-core-0.1";
    const EXTENSION: &'static str = "json";

    fn new((depth, inputs, heads): Shape, name: &str) -> Self {
        let mut model = EmlModel::new(depth, inputs, heads);
        model.set_model_name(name);
        model
    }

    fn shape(&self) -> Shape {
        (self.depth(), self.input_count(), self.head_count())
    }

    fn is_trained(&self) -> bool {
        EmlModel::is_trained(self)
    }

    fn predict(&self, features: &[f64]) -> Vec<f64> {
        EmlModel::predict(self, features)
    }

    fn learn(&mut self, samples: &[&Sample]) -> bool {
        // A model cannot forget samples, so a new one takes over parameters and events.
        let mut next = <Self as Function>::new(self.shape(), self.model_name());
        next.params_slice_mut().copy_from_slice(self.params_slice());
        self.drain_events().into_iter().for_each(|event| next.push_event(event));
        for sample in samples {
            let targets: Vec<Option<f64>> = sample.targets.iter().copied().map(Some).collect();
            next.record(&sample.features, &targets);
        }
        *self = next;
        self.train()
    }

    fn save(&mut self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("json.new");
        let mut file = File::create(&beside)?;
        file.write_all(self.to_json().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        if let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        let (model_name, path) = (self.model_name().to_owned(), path.display().to_string());
        self.push_event(EmlEvent::Saved { model_name, path, param_count: self.param_count() });
        Ok(())
    }

    fn load(path: &Path, name: &str) -> io::Result<Option<Self>> {
        let bytes = fs::read(path)?;
        let model = String::from_utf8(bytes).ok().and_then(|text| EmlModel::from_json(&text));
        Ok(model.map(|mut model| {
            model.set_model_name(name); // eml-core's JSON has no place for it
            let (model_name, path) = (name.to_owned(), path.display().to_string());
            let (trained, samples) = (model.is_trained(), model.training_sample_count());
            model.push_event(EmlEvent::Loaded { model_name, path, trained, samples });
            model
        }))
    }

    fn push_event(&mut self, event: EmlEvent) {
        EmlModel::push_event(self, event);
    }

    fn drain_events(&mut self) -> Vec<EmlEvent> {
        EmlModel::drain_events(self)
    }
}

/// libeml's own API and default profile: samples can be forgotten, scaling is fitted, and saving and loading log their
/// events themselves. Calls fail only for arguments that this program does not give.
impl Function for Model {
    const PROFILE: &'static str = "default";
    const EXTENSION: &'static str = "safetensors";

    fn new((depth, inputs, heads): Shape, name: &str) -> Self {
        let builder = Model::builder().profile(Profile::Default).depth(depth as u32).inputs(inputs).heads(heads);
        let mut model = builder.build().expect("a shape within the limits");
        model.set_name(name).expect("a short name");
        model
    }

    fn shape(&self) -> Shape {
        let info = self.info();
        (info.depth as usize, info.inputs, info.heads)
    }

    fn is_trained(&self) -> bool {
        self.info().trained
    }

    fn predict(&self, features: &[f64]) -> Vec<f64> {
        self.forward(features).expect("as many finite features as the model has inputs")
    }

    fn learn(&mut self, samples: &[&Sample]) -> bool {
        self.clear_samples();
        let mut learn = || {
            for sample in samples {
                self.record(&sample.features, &sample.targets)?;
            }
            self.fit_scaling()?;
            self.train(TrainOptions::new().seed(1))
        };
        learn().expect("enough finite samples of the model's shape").converged
    }

    fn save(&mut self, path: &Path) -> io::Result<()> {
        Model::save(self, path, Format::Auto).map_err(io_error)
    }

    fn load(path: &Path, _name: &str) -> io::Result<Option<Self>> {
        match Model::load(path, Format::Auto) {
            Ok(model) if model.info().profile == Profile::Default => Ok(Some(model)),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.code, ErrorCode::Format | ErrorCode::Version) => Ok(None),
            Err(error) => Err(io_error(error)),
        }
    }

    fn push_event(&mut self, event: EmlEvent) {
        Model::push_event(self, &event).expect("an event of this program's");
    }

    fn drain_events(&mut self) -> Vec<EmlEvent> {
        Model::drain_events(self)
    }
}

fn io_error(error: Error) -> io::Error {
    match error.code {
        ErrorCode::Io if error.sub_code != 0 => io::Error::from_raw_os_error(error.sub_code),
        _ => io::Error::new(io::ErrorKind::Other, error),
    }
}
