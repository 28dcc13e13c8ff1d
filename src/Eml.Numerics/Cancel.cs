namespace Eml.Numerics;

/// <summary>A token that any thread may set to stop work that polls it.</summary>
public sealed class Cancel
{
    private volatile bool _isSet;

    /// <summary>Whether the work should stop.</summary>
    public bool IsSet => _isSet;

    /// <summary>Asks the work to stop.</summary>
    public void Set() => _isSet = true;

    /// <summary>Makes the token usable again.</summary>
    public void Reset() => _isSet = false;
}
