namespace Eml.Functions;

/// <summary>Something that happened to a model; the caller drains and keeps it. Names and fields are eml-core's.</summary>
public abstract record EmlEvent(string ModelName)
{
    /// <summary>"eml.trained" and so on, as eml-core spells it.</summary>
    public abstract string EventType { get; }

    /// <summary>A training ended.</summary>
    public sealed record Trained(string ModelName, ulong SamplesUsed, double MseBefore, double MseAfter, bool Converged,
        ulong ParamCount) : EmlEvent(ModelName)
    {
        /// <inheritdoc/>
        public override string EventType => "eml.trained";
    }

    /// <summary>A prediction worth keeping; the hash names its inputs.</summary>
    public sealed record Prediction(string ModelName, string InputsHash, double[] Output) : EmlEvent(ModelName)
    {
        /// <inheritdoc/>
        public override string EventType => "eml.prediction";
    }

    /// <summary>Prediction and truth part company.</summary>
    public sealed record Drift(string ModelName, double Predicted, double Actual, double DriftPct) : EmlEvent(ModelName)
    {
        /// <inheritdoc/>
        public override string EventType => "eml.drift";
    }

    /// <summary>Written to a file.</summary>
    public sealed record Saved(string ModelName, string Path, ulong ParamCount) : EmlEvent(ModelName)
    {
        /// <inheritdoc/>
        public override string EventType => "eml.saved";
    }

    /// <summary>Read from a file.</summary>
    public sealed record Loaded(string ModelName, string Path, bool IsTrained, ulong Samples) : EmlEvent(ModelName)
    {
        /// <inheritdoc/>
        public override string EventType => "eml.loaded";
    }

    /// <summary>Back to zero parameters.</summary>
    public sealed record Reset(string ModelName, string Reason) : EmlEvent(ModelName)
    {
        /// <inheritdoc/>
        public override string EventType => "eml.reset";
    }
}
