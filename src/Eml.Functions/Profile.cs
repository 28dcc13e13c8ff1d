namespace Eml.Functions;

/// <summary>Which definition of a learned function holds.</summary>
public enum Profile
{
    /// <summary>Bit for bit the Rust crate eml-core 0.1.0, its quirks included.</summary>
    EmlCore01 = 1,

    /// <summary>Signed outputs, every input and parameter in use, a sound generator, an exact linear read-out.</summary>
    Default = 2,
}
