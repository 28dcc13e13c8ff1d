using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Eml.Numerics;

/// <summary>
/// a·b + c, rounded once: the processor's instruction, asked for by name because Math.FusedMultiplyAdd may call the host's
/// libm, or our own. Which of them is settled when the code is compiled, ahead of time or just in time.
/// </summary>
internal static class FusedMultiplyAdd
{
    /// <summary>Whether the processor does it.</summary>
    public static bool IsHardware
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Fma.IsSupported || AdvSimd.Arm64.IsSupported;
    }

    /// <summary>One double.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Of(double a, double b, double c)
    {
        if (Fma.IsSupported)
        {
            return Fma.MultiplyAddScalar(
                Vector128.CreateScalarUnsafe(a), Vector128.CreateScalarUnsafe(b), Vector128.CreateScalarUnsafe(c)).ToScalar();
        }

        if (AdvSimd.Arm64.IsSupported)
        {
            return AdvSimd.FusedMultiplyAddScalar(
                Vector64.CreateScalar(c), Vector64.CreateScalar(a), Vector64.CreateScalar(b)).ToScalar();
        }

        return SoftFma.MultiplyAdd(a, b, c);
    }

    /// <summary>Two lanes. Only where the processor does it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Of(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.FusedMultiplyAdd(c, a, b) : Fma.MultiplyAdd(a, b, c);

    /// <summary>Four lanes. Only where the processor does it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Of(Vector256<double> a, Vector256<double> b, Vector256<double> c) => Fma.MultiplyAdd(a, b, c);
}
