using System.Diagnostics;
using System.Globalization;
using Eml.Formats.Language;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>What <c>eml lm bench</c> measures of a model with some threads. The best of several runs counts: others measure what else the
/// machine does.</summary>
internal sealed class LmBenchRun : IDisposable
{
    /// <summary>Tokens of the prompt whose reading is measured.</summary>
    public const int Prompt = 512;

    /// <summary>Sequences that go on together.</summary>
    public const int Sequences = 8;

    /// <summary>Decode and bandwidth are measured by turns, so that both see the same machine.</summary>
    private const int Turns = 3;

    /// <summary>Tokens between two looks at the clock.</summary>
    private const int Group = 8;
    private const int Groups = 6;

    private readonly LanguageSession _session;
    private readonly int _threads;
    private readonly double _seconds;
    private readonly Cancel _cancel;
    private readonly int[] _tokens;
    private readonly float[] _logits;

    /// <param name="weights">The model.</param>
    /// <param name="threads">Threads that compute together.</param>
    /// <param name="seconds">Time for each figure.</param>
    /// <param name="cancel">Ends it; the figures are worth nothing then.</param>
    public LmBenchRun(LanguageWeights weights, int threads, double seconds, Cancel cancel)
    {
        _session = new LanguageSession(weights, threads);
        _threads = threads;
        _seconds = seconds;
        _cancel = cancel;
        var chance = new Lcg64(1);
        _tokens = [.. Enumerable.Range(0, 4096).Select(_ => (int)(chance.Unit() * weights.Config.VocabularySize))];
        _logits = new float[weights.Config.VocabularySize * Sequences];
    }

    /// <summary>Bytes of a session.</summary>
    public long SessionBytes => _session.Bytes;

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    /// <summary>Tokens a second where the logits of the last of so many are computed from nothing.</summary>
    public double Prefill(int length) => length / Best(() =>
    {
        _session.Reset();
        return Time(() => _session.Read(_tokens.AsSpan(0, length), _logits, _cancel));
    });

    /// <summary>New tokens a second of several sequences together, each after so many tokens.</summary>
    public double Batch(int context)
    {
        using var batch = new LanguageBatch(_session.Weights, Sequences, _threads);
        return Group * Sequences / Best(() =>
        {
            for (int i = 0; i < Sequences; i++)
            {
                batch.Reset(i);
                batch.Read(i, _tokens.AsSpan(i, context), _logits, _cancel);
            }
            double best = double.PositiveInfinity;
            for (int group = 0; group < Groups; group++)
            {
                best = Math.Min(best, Time(() =>
                {
                    for (int i = 0; i < Group; i++)
                        batch.Step(_tokens.AsSpan(((group * Group) + i) * Sequences, Sequences), _logits, _cancel);
                }));
            }
            return best;
        });
    }

    /// <summary>New tokens a second with the cache after so many tokens, and the bytes a second that the same threads read of as much
    /// memory.</summary>
    public (double Rate, double Bandwidth) Decode(int context, ReadBandwidth limit)
    {
        (double best, double bandwidth) = (double.PositiveInfinity, 0);
        for (int turn = 0; turn < Turns && !_cancel.IsSet; turn++)
        {
            best = Math.Min(best, Best(() => DecodeGroups(context), _seconds / Turns));
            bandwidth = Math.Max(bandwidth, limit.Measure(_seconds / Turns / 2));
        }
        return (Group / best, bandwidth);
    }

    /// <summary>Seconds to load a model's file, read and mapped.</summary>
    public static (double Read, double Mapped) Load(string path, string? config)
    {
        double Once(bool mapped)
        {
            double best = double.PositiveInfinity;
            for (int run = 0; run < 7; run++)
            {
                // Otherwise the collector frees the weights of earlier runs while the next are measured.
                Free();
                best = Math.Min(best, Time(() => LanguageFile.Load(path, mapped, config)));
            }
            return best;
        }
        return (Once(false), Once(true));
    }

    /// <summary>The most memory that the process has had since the last <see cref="ForgetPeak"/>; null where the system does not tell.</summary>
    public static long? Peak()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(6).Trim().TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes)
            ? 1024 * kilobytes : null;
    }

    /// <summary>Frees what nobody needs and makes the peak what is used now.</summary>
    public static void ForgetPeak()
    {
        Free();
        if (OperatingSystem.IsLinux())
        {
            File.WriteAllText("/proc/self/clear_refs", "5"); // proc(5): resets the peak resident set size
        }
    }

    private static void Free()
    {
        // Weights are pinned until their finalizers have run.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private double DecodeGroups(int context)
    {
        _session.Reset();
        _session.Read(_tokens.AsSpan(0, context), _logits, _cancel);
        double best = double.PositiveInfinity;
        for (int group = 0; group < Groups; group++)
        {
            int at = context + (group * Group);
            best = Math.Min(best, Time(() =>
            {
                for (int i = 0; i < Group; i++)
                    _session.Read(_tokens.AsSpan((at + i) % _tokens.Length, 1), _logits, _cancel);
            }));
        }
        return best;
    }

    private double Best(Func<double> run) => Best(run, _seconds);

    private double Best(Func<double> run, double seconds)
    {
        double best = double.PositiveInfinity;
        var clock = Stopwatch.StartNew();
        for (int i = 0; (i < 2 || clock.Elapsed.TotalSeconds < seconds) && !_cancel.IsSet; i++)
        {
            best = Math.Min(best, run());
        }
        return best;
    }

    private static double Time(Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
