//! Types that can be the input of a model.

/// A type that turns into a model's inputs.
///
/// Models work best with values between 0 and 1.
///
/// ```
/// use eml_native::{EmlModel, FeatureVector};
///
/// struct Load {
///     cpu_percent: f64,
///     queue_length: u32,
/// }
///
/// impl FeatureVector for Load {
///     fn as_features(&self) -> Vec<f64> {
///         vec![self.cpu_percent / 100.0, f64::from(self.queue_length.min(64)) / 64.0]
///     }
///
///     fn feature_count() -> usize {
///         2
///     }
/// }
///
/// let model = EmlModel::new(3, Load::feature_count(), 1);
/// let now = Load { cpu_percent: 62.0, queue_length: 5 };
/// assert!(model.predict_primary(&now.as_features()).is_finite());
/// ```
pub trait FeatureVector {
    /// The values, `feature_count()` of them.
    fn as_features(&self) -> Vec<f64>;

    /// How many values every instance has.
    fn feature_count() -> usize;
}
