//! The numbers of the face detector, read from their file: 32 bits each, little-endian.

/// SeetaFace's model for frontal faces (BSD-2-Clause).
const FILE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/faces.bin"));

/// Most numbers of a kind that are read; the file has below 140,000.
const MOST: usize = 1 << 18;

/// Levels of branches; each branch looks at what some branches of the level before have left.
pub(super) struct Model {
    pub(super) levels: Vec<Vec<Branch>>,
}

pub(super) struct Branch {
    /// One after the other.
    pub(super) stages: Vec<Stage>,
    /// The branches of the level before.
    pub(super) sources: Vec<usize>,
}

pub(super) enum Stage {
    Boosted(Boosted),
    Network(Network),
}

/// A sum of weights that are looked up by features of the picture.
pub(super) struct Boosted {
    pub(super) features: Vec<Boost>,
}

pub(super) struct Boost {
    /// Columns from the left edge of the window.
    pub(super) x: usize,
    /// Rows from its top edge.
    pub(super) y: usize,
    /// What the sum has to reach where it is compared.
    pub(super) threshold: f32,
    /// For every value of the feature.
    pub(super) weights: Vec<f32>,
}

/// A chain of layers from features of a window to a score and three corrections.
pub(super) struct Network {
    /// Their places in the pool of features.
    pub(super) features: Vec<usize>,
    /// What the score has to be above.
    pub(super) threshold: f32,
    pub(super) layers: Vec<Layer>,
}

pub(super) struct Layer {
    pub(super) inputs: usize,
    /// As many for each output as there are inputs.
    pub(super) weights: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

impl Model {
    /// Reads the model that is built in; `None` if it is not as expected.
    pub(super) fn built_in() -> Option<Model> {
        let mut file = Reader(FILE);
        let mut levels: Vec<Vec<Branch>> = Vec::new();
        for _ in 0..file.count()? {
            let before = levels.last().map_or(0, Vec::len);
            let mut branches = Vec::new();
            for _ in 0..file.count()? {
                let stages = (0..file.count()?).map(|_| file.stage()).collect::<Option<Vec<Stage>>>()?;
                let sources = file.sources()?;
                if sources.iter().any(|source| *source >= before) {
                    return None;
                }
                branches.push(Branch { stages, sources });
            }
            levels.push(branches);
        }
        file.0.is_empty().then_some(Model { levels })
    }
}

struct Reader(&'static [u8]);

impl Reader {
    fn four(&mut self) -> Option<[u8; 4]> {
        let (four, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*four)
    }

    fn count(&mut self) -> Option<usize> {
        let count = usize::try_from(i32::from_le_bytes(self.four()?)).ok()?;
        (count <= MOST).then_some(count)
    }

    fn float(&mut self) -> Option<f32> {
        self.four().map(f32::from_le_bytes)
    }

    fn floats(&mut self, count: usize) -> Option<Vec<f32>> {
        (0..count).map(|_| self.float()).collect()
    }

    /// Places of branches; their number is -1 where there are none.
    fn sources(&mut self) -> Option<Vec<usize>> {
        let count = i32::from_le_bytes(self.four()?).max(0) as usize;
        (0..count.min(MOST)).map(|_| self.count()).collect()
    }

    fn stage(&mut self) -> Option<Stage> {
        match self.count()? {
            0 => self.boosted().map(Stage::Boosted),
            1 => self.network().map(Stage::Network),
            _ => None,
        }
    }

    fn boosted(&mut self) -> Option<Boosted> {
        let (count, largest) = (self.count()?, self.count()?);
        let places = (0..count).map(|_| Some((self.count()?, self.count()?))).collect::<Option<Vec<_>>>()?;
        let thresholds = self.floats(count)?;
        let mut features = Vec::new();
        for ((x, y), threshold) in places.into_iter().zip(thresholds) {
            features.push(Boost { x, y, threshold, weights: self.floats(largest + 1)? });
        }
        Some(Boosted { features })
    }

    fn network(&mut self) -> Option<Network> {
        let (sizes, count) = (self.count()?, self.count()?);
        // They are counted from 1.
        let features = (0..count).map(|_| self.count()?.checked_sub(1)).collect::<Option<Vec<usize>>>()?;
        let threshold = self.float()?;
        let mut inputs = self.count()?;
        let mut layers = Vec::new();
        for _ in 1..sizes {
            let outputs = self.count()?;
            let weights = self.floats(inputs.checked_mul(outputs).filter(|count| *count <= MOST)?)?;
            layers.push(Layer { inputs, weights, biases: self.floats(outputs)? });
            inputs = outputs;
        }
        (inputs == 4).then_some(Network { features, threshold, layers })
    }
}
