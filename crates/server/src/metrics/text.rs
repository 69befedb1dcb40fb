//! Prometheus' text format, version 0.0.4.

use super::Reading;
use std::fmt::Display;

/// A document that is written family by family.
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// A counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// A counter with a value for each set of labels. Labels are ours, and need no escapes.
    pub fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = ([(&'static str, String); N], u64)>,
    ) {
        self.family(name, "counter", help);
        for (labels, value) in values {
            self.sample(name, &labels, value);
        }
    }

    /// Histograms that a label tells apart.
    pub fn histograms(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        readings: impl IntoIterator<Item = (&'static str, Reading)>,
    ) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        for (value, reading) in readings {
            let own = (label, value.to_owned());
            for (bound, count) in reading.up_to() {
                self.sample(&bucket, &[own.clone(), ("le", bound.to_string())], count);
            }
            let count = reading.count();
            self.sample(&bucket, &[own.clone(), ("le", "+Inf".to_owned())], count);
            self.sample(&format!("{name}_sum"), std::slice::from_ref(&own), reading.seconds);
            self.sample(&format!("{name}_count"), &[own], count);
        }
    }

    /// A gauge of 1 that carries labels.
    pub fn info(&mut self, name: &str, help: &str, labels: &[(&'static str, String)]) {
        self.family(name, "gauge", help);
        self.sample(name, labels, 1);
    }

    /// The whole document.
    pub fn finish(self) -> String {
        self.0
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&'static str, String)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        self.0.push_str(&format!("{name}{labels} {value}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;
    use std::time::Duration;

    #[test]
    fn a_document_has_every_family_once() {
        let mut text = Text::default();
        text.gauge("a", "A.", 1.5);
        text.counters("b_total", "B.", [([("x", "1".to_owned()), ("y", "2".to_owned())], 3)]);
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(60));
        text.histograms("c", "C.", "k", [("v", histogram.read())]);
        let text = text.finish();
        assert!(text.starts_with(
            "# HELP a A.\n# TYPE a gauge\na 1.5\n# HELP b_total B.\n# TYPE b_total counter\nb_total{x=\"1\",y=\"2\"} 3\n\
             # HELP c C.\n# TYPE c histogram\nc_bucket{k=\"v\",le=\"0.00005\"} 0\nc_bucket{k=\"v\",le=\"0.0001\"} 1\n"
        ), "{text}");
        assert!(text.ends_with(
            "c_bucket{k=\"v\",le=\"30\"} 1\nc_bucket{k=\"v\",le=\"+Inf\"} 1\nc_sum{k=\"v\"} 0.00006\nc_count{k=\"v\"} 1\n"
        ), "{text}");
    }
}
