using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Functions;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>exp, ln, pow, the operators and the reference's generator.</summary>
internal static unsafe class MathExports
{
    [UnmanagedCallersOnly(EntryPoint = "eml_math_exp", CallConvs = [typeof(CallConvCdecl)])]
    public static double ExpOf(double x) => Exp.Of(x);

    [UnmanagedCallersOnly(EntryPoint = "eml_math_ln", CallConvs = [typeof(CallConvCdecl)])]
    public static double LnOf(double x) => Ln.Of(x);

    [UnmanagedCallersOnly(EntryPoint = "eml_math_pow", CallConvs = [typeof(CallConvCdecl)])]
    public static double PowOf(double x, double y) => Pow.Of(x, y);

    [UnmanagedCallersOnly(EntryPoint = "eml_math_exp_batch", CallConvs = [typeof(CallConvCdecl)])]
    public static int ExpBatch(double* x, ulong n, double* y) =>
        Failure.Guard(() => Exp.Of(Arguments.Array(x, n, "x"), Arguments.Array(y, n, "y")));

    [UnmanagedCallersOnly(EntryPoint = "eml_math_ln_batch", CallConvs = [typeof(CallConvCdecl)])]
    public static int LnBatch(double* x, ulong n, double* y) =>
        Failure.Guard(() => Ln.Of(Arguments.Array(x, n, "x"), Arguments.Array(y, n, "y")));

    [UnmanagedCallersOnly(EntryPoint = "eml_math_pow_batch", CallConvs = [typeof(CallConvCdecl)])]
    public static int PowBatch(double* x, double* y, ulong n, double* z) =>
        Failure.Guard(() => Pow.Of(Arguments.Array(x, n, "x"), Arguments.Array(y, n, "y"), Arguments.Array(z, n, "z")));

    [UnmanagedCallersOnly(EntryPoint = "eml_operator_eml", CallConvs = [typeof(CallConvCdecl)])]
    public static double EmlOf(double x, double y) => Operator.Eml(x, y);

    [UnmanagedCallersOnly(EntryPoint = "eml_operator_eml_safe", CallConvs = [typeof(CallConvCdecl)])]
    public static double EmlSafeOf(double x, double y) => Operator.EmlSafe(x, y);

    [UnmanagedCallersOnly(EntryPoint = "eml_operator_softmax3", CallConvs = [typeof(CallConvCdecl)])]
    public static int Softmax3(double a, double b, double c, double* result) => Failure.Guard(() =>
    {
        Arguments.NotNull(result, "out");
        (result[0], result[1], result[2]) = Operator.Softmax3(a, b, c);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_random_restart", CallConvs = [typeof(CallConvCdecl)])]
    public static int RandomRestart(ulong* state, double* values, ulong n) => Failure.Guard(() =>
    {
        Arguments.NotNull(state, "state");
        var random = new Lcg64(*state);
        foreach (ref double value in Arguments.Array(values, n, "out"))
        {
            value = random.Restart();
        }

        *state = random.State;
    });
}
