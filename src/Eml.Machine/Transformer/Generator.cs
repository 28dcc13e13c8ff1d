using Eml.Numerics;

namespace Eml.Machine.Transformer;

/// <summary>How a generation stands.</summary>
public enum GenerationStatus
{
    /// <summary>It reached the end of its schedule.</summary>
    Done,
    /// <summary>It used the given number of steps and can go on.</summary>
    OutOfFuel,
    /// <summary>A cancel token or the listener stopped it; it can go on.</summary>
    Cancelled,
    /// <summary>A row was taken more often than its limit allows; it cannot go on.</summary>
    TakenTooOften,
    /// <summary>A store is full; it cannot go on.</summary>
    StoreFull,
}

/// <summary>One generated token.</summary>
/// <param name="Step">Number of the step, from 0.</param>
/// <param name="Row">Row of the schedule.</param>
/// <param name="Token">The token.</param>
/// <param name="IsOutput">Whether it is part of the output.</param>
public readonly record struct GeneratedToken(long Step, int Row, int Token, bool IsOutput);

/// <summary>Lets an engine generate along a schedule: it feeds the prefix, then each generated token with the next encoding.</summary>
public sealed class Generator
{
    private readonly Engine _engine;
    private readonly Schedule _schedule;
    private readonly Prompt _prompt;
    private readonly long[] _counters;
    private readonly double[] _encoding;
    private readonly int[][] _stores;
    private readonly int[] _storeLengths;
    private int _fed;
    private int _row;
    private int _token;

    /// <summary>Starts a new sequence on <paramref name="engine"/>.</summary>
    public Generator(Engine engine, Prompt prompt)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(prompt);
        _engine = engine;
        _prompt = prompt;
        _schedule = prompt.Schedule;
        _counters = new long[_schedule.CounterChannels.Length];
        _encoding = new double[_schedule.Width];
        _stores = [.. prompt.Stores.Select(_ => new int[_schedule.StoreCapacity])];
        _storeLengths = new int[prompt.Stores.Length];
        engine.Clear();
        for (int s = 0; s < prompt.Stores.Length; s++)
        {
            for (int i = 0; i < prompt.Stores[s].Length; i++)
            {
                Append(s, i, prompt.Stores[s][i]);
            }
        }
        _token = prompt.Tokens[^1];
    }

    /// <summary>Generated tokens so far.</summary>
    public long Steps { get; private set; }

    /// <summary>How the generation stands; <see cref="GenerationStatus.OutOfFuel"/> before the first step.</summary>
    public GenerationStatus Status { get; private set; } = GenerationStatus.OutOfFuel;

    /// <summary>Row of the last generated token, or of the next if none was generated yet.</summary>
    public int Row { get; private set; }

    /// <summary>Tokens in external store <paramref name="store"/>.</summary>
    public ReadOnlySpan<int> Store(int store) => _stores[store].AsSpan(0, _storeLengths[store]);

    /// <summary>Generates at most <paramref name="fuel"/> tokens. <paramref name="listener"/> sees each of them and stops the generation by
    /// returning false.</summary>
    public GenerationStatus Run(long fuel, Func<GeneratedToken, bool>? listener = null, Cancel? cancel = null)
    {
        if (Status is GenerationStatus.Done or GenerationStatus.TakenTooOften or GenerationStatus.StoreFull)
        {
            return Status;
        }
        if (!Feed(cancel))
        {
            return Status = GenerationStatus.Cancelled;
        }
        for (long i = 0; i < fuel; i++)
        {
            if (cancel is { IsSet: true })
            {
                return Status = GenerationStatus.Cancelled;
            }
            GeneratedToken generated = Next();
            bool goOn = listener is null || listener(generated);
            if (Status != GenerationStatus.OutOfFuel)
            {
                return Status;
            }
            if (!goOn)
            {
                return Status = GenerationStatus.Cancelled;
            }
        }
        return Status;
    }

    private bool Feed(Cancel? cancel)
    {
        Status = GenerationStatus.OutOfFuel;
        int width = _schedule.Width;
        for (; _fed < _prompt.Tokens.Length - 1; _fed++)
        {
            if (cancel is { IsSet: true })
            {
                return false;
            }
            _engine.Step(_prompt.Tokens[_fed], _prompt.Encodings.AsSpan(_fed * width, width));
        }
        return true;
    }

    private GeneratedToken Next()
    {
        Row = _row;
        _schedule.Encodings.AsSpan(_row * _encoding.Length, _encoding.Length).CopyTo(_encoding);
        for (int c = 0; c < _counters.Length; c++)
        {
            if (_schedule.CounterChannels[c] >= 0)
            {
                _encoding[_schedule.CounterChannels[c]] += _counters[c];
            }
        }
        _token = _engine.Step(_token, _encoding);
        ref readonly ScheduleRow row = ref _schedule.Rows[_row];
        var generated = new GeneratedToken(Steps++, _row, _token, row.IsOutput);
        Follow(row);
        return generated;
    }

    private void Follow(in ScheduleRow row)
    {
        if (row.Reset >= 0)
        {
            _counters[row.Reset] = 0;
        }
        if (row.Store >= 0 && !Append(row.Store, _counters[row.Advance], _token))
        {
            Status = GenerationStatus.StoreFull;
            return;
        }
        if (row.Advance >= 0)
        {
            _counters[row.Advance]++;
        }
        bool taken = row.Taken >= 0 && _token != 0;
        if (taken && _counters[row.TakenCounter]++ >= row.TakenLimit)
        {
            Status = GenerationStatus.TakenTooOften;
            return;
        }
        _row = taken ? row.Taken : row.Next;
        if (_row < 0)
        {
            Status = GenerationStatus.Done;
        }
    }

    private bool Append(int store, long number, int token)
    {
        if (number >= _schedule.StoreCapacity)
        {
            return false;
        }
        int entry = (int)number;
        int width = _schedule.Width;
        _engine.Append(store, token, _schedule.StoreEncodings.AsSpan(entry * width, width));
        _stores[store][entry] = token;
        _storeLengths[store] = Math.Max(_storeLengths[store], entry + 1);
        return true;
    }
}
