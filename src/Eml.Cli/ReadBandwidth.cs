using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Eml.Cli;

/// <summary>How fast this machine's threads read a stretch of memory again and again: the limit of whatever reads as much.</summary>
internal sealed unsafe class ReadBandwidth : IDisposable
{
    /// <summary>Bytes a turn of the innermost loop adds up.</summary>
    private const int Step = 256;

    /// <summary>Bytes read between two looks at the clock: far more than it costs to start threads.</summary>
    private const long Round = 1L << 29;

    private readonly byte* _memory;
    private readonly long _bytes;
    private readonly int _threads;
    private long _sum;

    /// <summary>A stretch of so many bytes, of which each thread reads its share.</summary>
    public ReadBandwidth(long bytes, int threads)
    {
        _threads = threads;
        // Each share in whole steps.
        _bytes = Math.Max(1, bytes / ((long)Step * threads)) * Step * threads;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)_bytes, 64);
        for (long i = 0; i < _bytes; i += sizeof(long))
        {
            *(long*)(_memory + i) = i; // memory that was never written is one page of zeros
        }
    }

    /// <summary>The most bytes a second of as many rounds as fit into a time, at least two.</summary>
    public double Measure(double seconds)
    {
        double best = 0;
        var clock = Stopwatch.StartNew();
        for (int round = 0; round < 2 || clock.Elapsed.TotalSeconds < seconds; round++)
        {
            best = Math.Max(best, OneRound());
        }
        return best;
    }

    /// <inheritdoc/>
    public void Dispose() => NativeMemory.AlignedFree(_memory);

    private double OneRound()
    {
        long share = _bytes / _threads;
        long times = Math.Max(2, Round / _bytes);
        double[] seconds = new double[_threads];
        using var start = new Barrier(_threads);
        Thread[] threads = [.. Enumerable.Range(0, _threads).Select(i => new Thread(() =>
        {
            long sum = Sum(_memory + (i * share), share); // into the caches
            start.SignalAndWait();
            long begin = Stopwatch.GetTimestamp();
            for (long t = 0; t < times; t++)
            {
                sum += Sum(_memory + (i * share), share);
            }
            seconds[i] = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            Interlocked.Add(ref _sum, sum);
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }
        foreach (Thread thread in threads)
        {
            thread.Join();
        }
        return times * _bytes / seconds.Max();
    }

    private static long Sum(byte* from, long bytes)
    {
        (Vector512<long> a, Vector512<long> b, Vector512<long> c, Vector512<long> d) = (default, default, default, default);
        for (long i = 0; i < bytes; i += Step)
        {
            a += Vector512.Load((long*)(from + i));
            b += Vector512.Load((long*)(from + i + 64));
            c += Vector512.Load((long*)(from + i + 128));
            d += Vector512.Load((long*)(from + i + 192));
        }
        return Vector512.Sum(a + b + (c + d));
    }
}
