namespace Eml.Machine.Transformer;

/// <summary>The order of positional encodings in a generated sequence. Each row is an encoding; what was generated at a row decides
/// between at most two rows for the next position. A row may carry counters: channels that say how often something happened.</summary>
public sealed class Schedule
{
    /// <summary>Numbers of an encoding.</summary>
    public required int Width { get; init; }

    /// <summary>(rows, width)</summary>
    public required double[] Encodings { get; init; }

    /// <summary>What follows each row.</summary>
    public required ScheduleRow[] Rows { get; init; }

    /// <summary>The channel of the encoding to which each counter is added, or -1 if it only counts.</summary>
    public required int[] CounterChannels { get; init; }

    /// <summary>Encodings of the entries of the external stores, by number: (entries, width).</summary>
    public required double[] StoreEncodings { get; init; }

    /// <summary>Entries that an external store can hold.</summary>
    public int StoreCapacity => StoreEncodings.Length / Width;
}

/// <summary>What happens after a row's token was generated, in this order.</summary>
public readonly record struct ScheduleRow
{
    /// <summary>No row, no counter, no store.</summary>
    public const int None = -1;

    /// <summary>A row that only goes on to <paramref name="next"/>.</summary>
    public ScheduleRow(int next) => Next = next;

    /// <summary>The next row; <see cref="None"/> ends the sequence.</summary>
    public int Next { get; init; } = None;

    /// <summary>The next row if the generated token is not 0, or <see cref="None"/> if that makes no difference.</summary>
    public int Taken { get; init; } = None;

    /// <summary>Counter that counts how often <see cref="Taken"/> was taken.</summary>
    public int TakenCounter { get; init; } = None;

    /// <summary>How often it may be taken.</summary>
    public int TakenLimit { get; init; } = int.MaxValue;

    /// <summary>Counter that is set to 0.</summary>
    public int Reset { get; init; } = None;

    /// <summary>Store to which the generated token is appended, as the entry whose number is the counter <see cref="Advance"/>.</summary>
    public int Store { get; init; } = None;

    /// <summary>Counter that goes up by one.</summary>
    public int Advance { get; init; } = None;

    /// <summary>Whether the generated token is part of the sequence's output.</summary>
    public bool IsOutput { get; init; }
}
