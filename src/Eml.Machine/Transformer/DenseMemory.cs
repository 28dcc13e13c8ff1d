using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Eml.Machine.Transformer;

/// <summary>All keys and values of one head, scanned in full.</summary>
/// <param name="width">Components of a key and of a value.</param>
/// <param name="sink">Score of the key with zero values that is always there, or null.</param>
internal sealed class DenseMemory(int width, double? sink)
{
    /// <summary>Entries whose scores are held at a time.</summary>
    private const int Block = 512;

    /// <summary>Per component of the key: that of every entry, so that scores are computed side by side.</summary>
    private readonly double[][] _keys = [.. Enumerable.Range(0, width).Select(_ => new double[16])];
    private double[] _values = new double[16 * width];
    private int _count;
    private int _constant;

    /// <summary>Bytes of the entries.</summary>
    public long Bytes => 16L * width * _count;

    /// <summary>What is there now is never forgotten.</summary>
    public DenseMemory Keep()
    {
        _constant = _count;
        return this;
    }

    public void Forget() => _count = _constant;

    public void Add(ReadOnlySpan<double> key, ReadOnlySpan<double> value)
    {
        if (_count * width == _values.Length)
        {
            for (int c = 0; c < width; c++)
            {
                Array.Resize(ref _keys[c], 2 * _count);
            }
            Array.Resize(ref _values, 2 * _values.Length);
        }
        for (int c = 0; c < width; c++)
        {
            _keys[c][_count] = key[c];
        }
        value.CopyTo(_values.AsSpan(_count * width));
        _count++;
    }

    /// <summary>The entry with the highest score, the latest of equals, and its values; -1 and zeros for none and for the sink.</summary>
    public long Best(ReadOnlySpan<double> query, Span<double> value)
    {
        // A component of the query that is 0 adds nothing: keys are finite.
        Span<int> used = stackalloc int[width];
        int count = 0;
        for (int c = 0; c < width; c++)
        {
            used[count] = c;
            count += query[c] != 0.0 ? 1 : 0;
        }
        used = used[..count];
        int block = -1;
        double highest = sink ?? double.NegativeInfinity;
        Span<double> scores = stackalloc double[Block];
        for (int start = 0; start < _count; start += Block)
        {
            int length = Math.Min(Block, _count - start);
            double ofBlock = used.Length == 2
                ? HighestOfTwo(query[used[0]], _keys[used[0]].AsSpan(start, length), query[used[1]], _keys[used[1]].AsSpan(start, length))
                : Highest(Scores(query, used, start, scores));
            if (ofBlock >= highest)
            {
                (block, highest) = (start, ofBlock);
            }
        }
        int best = block < 0 ? -1 : block + Scores(query, used, block, scores).LastIndexOf(highest);
        if (best < 0)
        {
            value.Clear();
            return -1;
        }
        _values.AsSpan(best * width, width).CopyTo(value);
        return best;
    }

    /// <summary>Scores of the entries from <paramref name="start"/>, at most <see cref="Block"/>.</summary>
    private Span<double> Scores(ReadOnlySpan<double> query, ReadOnlySpan<int> used, int start, Span<double> scores)
    {
        scores = scores[..Math.Min(Block, _count - start)];
        scores.Clear();
        foreach (int c in used)
        {
            ReadOnlySpan<double> keys = _keys[c].AsSpan(start, scores.Length);
            int i = 0;
            for (; i + 4 <= scores.Length; i += 4)
            {
                (Vector256.Create(scores[i..]) + (query[c] * Vector256.Create(keys[i..]))).CopyTo(scores[i..]);
            }
            for (; i < scores.Length; i++)
            {
                scores[i] += query[c] * keys[i];
            }
        }
        return scores;
    }

    /// <summary>The highest of the scores of two components, the sums being those of <see cref="Scores"/>.</summary>
    private static double HighestOfTwo(double query0, ReadOnlySpan<double> keys0, double query1, ReadOnlySpan<double> keys1)
    {
        ref double first = ref MemoryMarshal.GetReference(keys0);
        ref double second = ref MemoryMarshal.GetReference(keys1);
        Vector256<double> highest = Vector256.Create(double.NegativeInfinity);
        var factor0 = Vector256.Create(query0);
        var factor1 = Vector256.Create(query1);
        nuint i = 0;
        for (; i + 4 <= (nuint)keys0.Length; i += 4)
        {
            Vector256<double> next = (factor0 * Vector256.LoadUnsafe(ref first, i)) + (factor1 * Vector256.LoadUnsafe(ref second, i));
            highest = Vector256.ConditionalSelect(Vector256.GreaterThan(next, highest), next, highest);
        }
        double best = Math.Max(Math.Max(highest[0], highest[1]), Math.Max(highest[2], highest[3]));
        for (; i < (nuint)keys0.Length; i++)
        {
            best = Math.Max(best, (query0 * keys0[(int)i]) + (query1 * keys1[(int)i]));
        }
        return best;
    }

    private static double Highest(ReadOnlySpan<double> scores)
    {
        Vector256<double> highest = Vector256.Create(double.NegativeInfinity);
        int i = 0;
        for (; i + 4 <= scores.Length; i += 4)
        {
            var next = Vector256.Create(scores[i..]);
            highest = Vector256.ConditionalSelect(Vector256.GreaterThan(next, highest), next, highest);
        }
        double best = Math.Max(Math.Max(highest[0], highest[1]), Math.Max(highest[2], highest[3]));
        for (; i < scores.Length; i++)
        {
            best = Math.Max(best, scores[i]);
        }
        return best;
    }

    public long Sum(Span<double> value)
    {
        value.Clear();
        for (int i = 0; i < _count; i++)
        {
            for (int c = 0; c < width; c++)
            {
                value[c] += _values[(i * width) + c];
            }
        }
        return -1;
    }
}
