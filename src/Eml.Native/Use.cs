namespace Eml.Native;

/// <summary>Exclusive use of a handle's object, for functions whose handle parameter is not const.</summary>
internal readonly ref struct Use<T> where T : class
{
    private readonly Slot _slot;

    public Use(nint handle, Kind kind)
    {
        _slot = Handles.Find(handle, kind);
        _slot.Enter(handle, kind);
        Target = (T)_slot.Target!;
    }

    public T Target { get; }

    public void Dispose() => _slot.Leave();
}

/// <summary>Shared use of a handle's object, for functions whose handle parameter is const.</summary>
internal readonly ref struct SharedUse<T> where T : class
{
    private readonly Slot _slot;

    public SharedUse(nint handle, Kind kind)
    {
        _slot = Handles.Find(handle, kind);
        _slot.EnterRead(handle, kind);
        Target = (T)_slot.Target!;
    }

    public T Target { get; }

    public void Dispose() => _slot.LeaveRead();
}
