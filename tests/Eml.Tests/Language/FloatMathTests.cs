using System.Runtime.Intrinsics;
using Eml.Language.Kernels;

namespace Eml.Tests.Language;

/// <summary>The functions of 16 floats against binary64.</summary>
public sealed class FloatMathTests
{
    [Fact]
    public void A_product_and_sum_in_software_is_rounded_once()
    {
        var random = new Random(11);
        float[] a = new float[8], b = new float[8], c = new float[8];
        for (int round = 0; round < 20000; round++)
        {
            for (int i = 0; i < 8; i++)
            {
                a[i] = Any(random);
                b[i] = Any(random);
                // Sums that are nearly halfway between two floats, and sums that cancel.
                c[i] = (round & 3) switch { 0 => Any(random), 1 => -(a[i] * b[i]), 2 => a[i] * b[i] * MathF.Pow(2, random.Next(-26, 27)), _ => (float)Math.ScaleB(1.0, random.Next(-60, 60)) };
            }
            Vector256<float> sum = FloatMath.SoftFma(Vector256.Create<float>(a), Vector256.Create<float>(b), Vector256.Create<float>(c));
            for (int i = 0; i < 8; i++)
            {
                float wanted = MathF.FusedMultiplyAdd(a[i], b[i], c[i]);
                Assert.True(BitConverter.SingleToInt32Bits(wanted) == BitConverter.SingleToInt32Bits(sum[i]) || (float.IsNaN(wanted) && float.IsNaN(sum[i])),
                    $"{a[i]:R} * {b[i]:R} + {c[i]:R}: {sum[i]:R}, not {wanted:R}");
            }
        }
    }

    [Fact]
    public void Exponentials_and_logarithms_are_within_two_units()
    {
        var random = new Random(12);
        for (int i = 0; i < 200000; i++)
        {
            float x = (float)((random.NextDouble() * 174.0) - 87.0);
            double wanted = Math.Exp(x);
            Assert.InRange(FloatMath.Exp(Vector256.Create(x)).ToScalar(), wanted * (1 - 1.5e-7), wanted * (1 + 1.5e-7));
            float y = (float)Math.Exp((random.NextDouble() * 160.0) - 80.0);
            double ln = Math.Log(y);
            Assert.InRange(FloatMath.Ln(Vector256.Create(y)).ToScalar(), ln - Math.Max(1e-7, Math.Abs(ln) * 1.5e-7), ln + Math.Max(1e-7, Math.Abs(ln) * 1.5e-7));
        }
        Assert.Equal(0.0f, FloatMath.Exp(Vector256.Create(-1e30f)).ToScalar());
        Assert.Equal(1.0f, FloatMath.Exp(Vector256<float>.Zero).ToScalar());
    }

    [Fact]
    public void Sums_of_four_vectors_are_those_of_each()
    {
        var random = new Random(13);
        Vector512<float>[] x = [.. Enumerable.Range(0, 4).Select(_ => Vector512.Create<float>([.. Enumerable.Range(0, 16).Select(_ => Any(random))]))];
        Vector128<float> sums = FloatMath.Sums(x[0], x[1], x[2], x[3]);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(FloatMath.Sum(x[i]), sums[i]);
        }
    }

    private static float Any(Random random) => (float)Math.ScaleB((random.NextDouble() * 2.0) - 1.0, random.Next(-30, 30));
}
