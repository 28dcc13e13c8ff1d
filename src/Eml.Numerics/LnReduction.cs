using System.Runtime.CompilerServices;

namespace Eml.Numerics;

/// <summary>The argument reduction that ln and pow share.</summary>
internal static class LnReduction
{
    /// <summary>
    /// x = 2^k·z with z around 1 (from the offset on); entry = the table index 0…127 as an integer in each lane.
    /// Positive normal x, or a subnormal whose bits were scaled beforehand (k may then be as low as −1075).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Split<T>(T x, ulong offset, out T z, out T entry) where T : struct, ILanes<T>
    {
        T t = T.SubBits(x, T.BroadcastBits(offset));
        entry = T.AndBits(T.ShiftRightBits(t, 45), T.BroadcastBits(127));
        z = T.SubBits(x, T.AndBits(t, T.BroadcastBits(0xfffUL << 52)));

        // A small signed integer becomes a double by way of 1.5·2^52, whose low bits take it.
        T magic = T.BroadcastBits(ExpTable.Shift);
        return T.AddBits(T.ShiftRightSignedBits(t, 52), magic) - magic;
    }
}
