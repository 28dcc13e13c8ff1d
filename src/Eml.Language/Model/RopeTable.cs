using Eml.Numerics;

namespace Eml.Language;

/// <summary>Cosines and sines of the rotary angles: for each position, (cos, sin) of p base^(-2 j / head_dim) in turn for j = 0 to
/// head_dim / 2 - 1. Angles are worked out in binary64.</summary>
internal sealed class RopeTable(int headWidth)
{
    private const int PerBlock = 128;

    /// <summary>Positions beyond are worked out each time.</summary>
    private const int Kept = 1 << 14;

    private const double Turn = 6.283185307179586476925;

    private readonly float[]?[] _blocks = new float[]?[Kept / PerBlock];

    private readonly double[] _frequencies = [.. Enumerable.Range(0, headWidth / 2).Select(j => Pow.Of(LanguageConfig.RopeBase, -2.0 * j / headWidth))];

    /// <summary>(head_dim) numbers of a position.</summary>
    public ReadOnlySpan<float> Of(long position)
    {
        if (position >= Kept)
        {
            float[] alone = new float[headWidth];
            Fill(position, alone);
            return alone;
        }
        int block = (int)position / PerBlock;
        float[]? known = Volatile.Read(ref _blocks[block]);
        if (known is null)
        {
            known = new float[PerBlock * headWidth];
            for (int i = 0; i < PerBlock; i++)
            {
                Fill((block * PerBlock) + i, known.AsSpan(i * headWidth, headWidth));
            }
            // Whoever else made it made the same numbers.
            Volatile.Write(ref _blocks[block], known);
        }
        return known.AsSpan((int)position % PerBlock * headWidth, headWidth);
    }

    private void Fill(long position, Span<float> to)
    {
        for (int j = 0; j < _frequencies.Length; j++)
        {
            double angle = position * _frequencies[j];
            angle -= Turn * Math.Floor(angle / Turn);
            to[2 * j] = (float)Cos.Of(angle);
            to[(2 * j) + 1] = (float)Cos.Of(angle - (Turn / 4));
        }
    }
}
