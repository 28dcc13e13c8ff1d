namespace Eml.Machine.Transformer;

/// <summary>What an attention head does with the scores of its keys.</summary>
public enum HeadMode
{
    /// <summary>The values of the key with the highest score among this and all earlier positions; among equals, of the latest.</summary>
    HardMax,
    /// <summary>The sum of the values of this and all earlier positions; queries and keys are not used.</summary>
    Sum,
    /// <summary>As <see cref="HardMax"/>, over the entries of an external store; zeros while it is empty.</summary>
    Cross,
    /// <summary>As <see cref="HardMax"/>, over the entries of a constant table, which is part of the weights.</summary>
    Table,
}
