using System.Numerics;
using Eml.Machine.Graph;

namespace Eml.Machine.Universal;

/// <summary>The constant tables among the weights. Row j has the key (2j, -j^2) in columns 0 and 1.</summary>
internal sealed class Tables
{
    /// <summary>Columns of <see cref="Grid"/>: the index itself, and the bitwise and of its two bytes.</summary>
    public const int Index = 2, And = 3;

    /// <summary>Columns of <see cref="Bytes"/>: set bits, leading and trailing zeros, and eight columns that say whether the index is 0 to 7.</summary>
    public const int Ones = 2, Leading = 3, Trailing = 4, IsIndex = 5;

    /// <summary>Columns of <see cref="Shifts"/>: 2^(s mod 16); five that say whether s / 16 is 0 to 4; the bits above 2^s of a word, low and
    /// high half.</summary>
    public const int Power = 2, IsLimb = 3, FillLow = 8, FillHigh = 9;

    /// <summary>Columns of <see cref="Scales"/> for t: 2^t, 2^(32 - t), and how a word is divided by the latter: its upper 16 bits times
    /// column 5 plus the quotient of its upper (column 6 is 1) or lower (0) 16 bits and column 4.</summary>
    public const int Scale = 2, Unscale = 3, Divisor = 4, UpperFactor = 5, IsUpper = 6;

    public Tables(MachineGraph graph)
    {
        Grid = graph.AddTable("16-bit numbers", Rows(65536, j => [j, (j & 255) & (j >> 8)]));
        Bytes = graph.AddTable("bytes", Rows(256, j => [BitOperations.PopCount((uint)j), BitOperations.LeadingZeroCount((uint)j) - 24,
            Math.Min(8, BitOperations.TrailingZeroCount(j)), .. Enumerable.Range(0, 8).Select(i => i == j ? 1.0 : 0.0)]));
        Shifts = graph.AddTable("shifts", Rows(1024, Shift));
        Scales = graph.AddTable("scales", Rows(32, t =>
            [Math.Pow(2, t), Math.Pow(2, 32 - t), Math.Pow(2, t <= 16 ? 16 - t : 32 - t), t <= 16 ? 0 : Math.Pow(2, t - 16), t <= 16 ? 1 : 0]));
        Decode = graph.AddTable("operations", Rows(MachineOp.Count, op =>
            [.. Enumerable.Range(0, (int)Signal.Count).Select(signal => Signals.Of((Signal)signal, op))]));
    }

    /// <summary>0 to 65535.</summary>
    public int Grid { get; }

    /// <summary>0 to 255.</summary>
    public int Bytes { get; }

    /// <summary>How far to shift: the lowest byte of the count, plus 256 for shifts to the right, plus 512 for 64 bits.</summary>
    public int Shifts { get; }

    /// <summary>Leading zeros of a divisor's upper half, 0 to 31.</summary>
    public int Scales { get; }

    /// <summary>The signals of every operation.</summary>
    public int Decode { get; }

    private static double[][] Rows(int count, Func<int, double[]> columns) =>
        [.. Enumerable.Range(0, count).Select(j => (double[])[2.0 * j, -(double)j * j, .. columns(j)])];

    /// <summary>A shift to the right by r is one to the left by s = bits - r of which the upper half is kept.</summary>
    private static double[] Shift(int j)
    {
        int bits = j < 512 ? 32 : 64;
        int r = j & (bits - 1);
        bool right = (j & 256) != 0;
        int s = right ? bits - r : r;
        UInt128 fill = (UInt128.One << bits) - (UInt128.One << s);
        return [Math.Pow(2, s % 16), .. Enumerable.Range(0, 5).Select(k => k == s / 16 ? 1.0 : 0.0), (uint)fill, (uint)(fill >> 32)];
    }
}
