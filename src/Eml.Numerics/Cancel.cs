namespace Eml.Numerics;

/// <summary>A token that any thread may set to stop work that polls it.</summary>
public sealed class Cancel
{
    private readonly Cancel? _outer;
    private volatile bool _isSet;

    /// <summary>A token of its own.</summary>
    public Cancel()
    {
    }

    /// <summary>A token that is also set while another one is.</summary>
    public Cancel(Cancel? outer) => _outer = outer;

    /// <summary>Whether the work should stop.</summary>
    public bool IsSet => _isSet || _outer is { IsSet: true };

    /// <summary>Asks the work to stop.</summary>
    public void Set() => _isSet = true;

    /// <summary>Makes the token usable again.</summary>
    public void Reset() => _isSet = false;
}
