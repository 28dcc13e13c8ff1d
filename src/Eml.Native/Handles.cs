using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>The kinds of object behind handles.</summary>
internal enum Kind
{
    Model = 1,
    SafeTree = 2,
    Cancel = 3,
    Buffer = 4,
    Attention = 5,
    Machine = 6,
    Wasm = 7,
    Tokenizer = 8,
    TokenStream = 9,
    LanguageModel = 10,
    LanguageSession = 11,
    LanguageBatch = 12,
    LanguageTrainer = 13,
}

/// <summary>
/// Handles are slot numbers, never addresses: the kind in the top 8 bits (which no user-space address has set), a generation
/// in the next 24, the slot's index in the low 32. A stale handle meets another generation.
/// </summary>
internal static class Handles
{
    private const int GenerationBits = 24;

    private static Slot[]? s_slots; // no initial value: a class that has work at its start is asked about it at every use
    private static int s_count;

    /// <summary>A new handle for an object.</summary>
    public static nint Add(Kind kind, object target)
    {
        lock (FreeSlots.Lock)
        {
            if (!FreeSlots.Numbers.TryPop(out int index))
            {
                index = s_count;
                if (index == (s_slots?.Length ?? 0))
                {
                    var larger = new Slot[Math.Max(64, 2 * index)];
                    s_slots?.CopyTo(larger, 0);
                    for (int i = index; i < larger.Length; i++)
                    {
                        larger[i] = new Slot();
                    }

                    Volatile.Write(ref s_slots, larger);
                }

                s_count++;
            }

            Slot slot = s_slots![index];
            slot.Put(kind, target);
            return (nint)(((ulong)kind << 56) | ((ulong)slot.Generation << 32) | (uint)index);
        }
    }

    /// <summary>The slot of a live handle of the kind.</summary>
    public static Slot Find(nint handle, Kind kind)
    {
        if (handle == 0)
        {
            throw new EmlException(ErrorCode.Argument, $"the {Name(kind)} handle is NULL; create one first");
        }

        ulong bits = (ulong)handle;
        Slot[]? slots = Volatile.Read(ref s_slots);
        uint index = (uint)bits;
        if (bits >> 56 != (ulong)kind || slots is null || index >= slots.Length || !slots[index].Matches(kind, Generation(bits)))
        {
            throw Stale(handle, kind);
        }

        return slots[index];
    }

    /// <summary>
    /// The object behind a handle, for reading something immutable of it: no reader is counted, but nothing is read
    /// while another call changes it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static object Peek(nint handle, Kind kind)
    {
        ulong bits = (ulong)handle;
        Slot[]? slots = Volatile.Read(ref s_slots);
        uint index = (uint)bits;
        if (slots is not null && index < slots.Length)
        {
            Slot slot = slots[index];
            object? target = slot.Target;
            if (target is not null && !slot.IsWritten && slot.Matches(kind, Generation(bits)) && bits >> 56 == (ulong)kind)
            {
                return target;
            }
        }

        throw NotNow(handle, kind);
    }

    private static EmlException NotNow(nint handle, Kind kind)
    {
        Find(handle, kind); // says what is wrong with the handle, if anything is
        return Slot.Busy(kind);
    }

    /// <summary>The object behind a handle, for use that needs no exclusion.</summary>
    public static T Get<T>(nint handle, Kind kind) where T : class
    {
        Slot slot = Find(handle, kind);
        return slot.Target is T target && slot.Matches(kind, Generation((ulong)handle)) ? target : throw Stale(handle, kind);
    }

    /// <summary>Takes the object out; 0 does nothing. An object at work stays.</summary>
    public static void Free(nint handle, Kind kind)
    {
        if (handle == 0)
        {
            return;
        }

        Slot slot = Find(handle, kind);
        slot.Enter(handle, kind);
        (slot.Target as IDisposable)?.Dispose();
        slot.Clear();
        lock (FreeSlots.Lock)
        {
            // A slot whose generations are used up is never used again: no handle can come back to life.
            if (slot.Generation < (1u << GenerationBits) - 1)
            {
                FreeSlots.Numbers.Push((int)(uint)(ulong)handle);
            }
        }
    }

    public static uint Generation(ulong bits) => (uint)(bits >> 32) & ((1u << GenerationBits) - 1);

    public static EmlException Stale(nint handle, Kind kind) => new(ErrorCode.Handle,
        $"0x{(ulong)handle:x} is no live {Name(kind)} handle: it was freed, is of another kind or was never issued; use the one that its create function gave");

    public static string Name(Kind kind) => kind switch
    {
        Kind.Model => "eml_model",
        Kind.SafeTree => "eml_safetree",
        Kind.Cancel => "eml_cancel",
        Kind.Attention => "eml_attention",
        Kind.Machine => "eml_machine",
        Kind.Wasm => "eml_wasm",
        Kind.Tokenizer => "eml_tokenizer",
        Kind.TokenStream => "eml_token_stream",
        Kind.LanguageModel => "eml_lm",
        Kind.LanguageSession => "eml_lm_session",
        Kind.LanguageBatch => "eml_lm_batch",
        Kind.LanguageTrainer => "eml_lm_trainer",
        _ => "eml_buffer",
    };
}

/// <summary>The numbers of the slots that are free.</summary>
internal static class FreeSlots
{
    public static Lock Lock { get; } = new();

    public static Stack<int> Numbers { get; } = new();
}

/// <summary>
/// One place for an object. Its generation and the number of its users are one word, so that a stale handle cannot take
/// part in the counting of another generation, not even for an instant.
/// </summary>
internal sealed class Slot
{
    private const uint Writer = uint.MaxValue;

    private Kind _kind;
    private object? _target;
    private ulong _state; // the generation in the high half; in the low half Writer, or the number of readers

    public uint Generation => (uint)(Volatile.Read(ref _state) >> 32);

    public object? Target => Volatile.Read(ref _target);

    public bool IsWritten => (uint)Volatile.Read(ref _state) == Writer;

    public bool Matches(Kind kind, uint generation) => _target is not null && _kind == kind && Generation == generation;

    public void Put(Kind kind, object target)
    {
        _kind = kind;
        Volatile.Write(ref _state, (ulong)(Generation + 1) << 32);
        Volatile.Write(ref _target, target);
    }

    /// <summary>Takes the object out; the writer that does so never leaves.</summary>
    public void Clear() => Volatile.Write(ref _target, null);

    /// <summary>Becomes the only user.</summary>
    public void Enter(nint handle, Kind kind)
    {
        ulong idle = (ulong)Handles.Generation((ulong)handle) << 32;
        if (Interlocked.CompareExchange(ref _state, idle | Writer, idle) != idle)
        {
            throw Refusal(handle, kind);
        }
    }

    public void Leave() => Volatile.Write(ref _state, _state & ~(ulong)uint.MaxValue);

    /// <summary>Becomes one of the readers.</summary>
    public void EnterRead(nint handle, Kind kind)
    {
        uint generation = Handles.Generation((ulong)handle);
        ulong state = Volatile.Read(ref _state);
        while (true)
        {
            if ((uint)state == Writer || (uint)(state >> 32) != generation)
            {
                throw Refusal(handle, kind);
            }

            ulong seen = Interlocked.CompareExchange(ref _state, state + 1, state);
            if (seen == state)
            {
                return;
            }

            state = seen;
        }
    }

    public void LeaveRead() => Interlocked.Decrement(ref _state);

    private EmlException Refusal(nint handle, Kind kind) =>
        Matches(kind, Handles.Generation((ulong)handle)) ? Busy(kind) : Handles.Stale(handle, kind);

    public static EmlException Busy(Kind kind) => new(ErrorCode.Busy,
        $"the {Handles.Name(kind)} is at work in another call (another thread, or the callback that is running); wait for that call to return");
}
