using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Eml.Language.Kernels.FloatMath;

namespace Eml.Language.Kernels;

/// <summary>Derivatives of what is done to vectors.</summary>
internal static unsafe class Gradients
{
    /// <summary>Of y = x r with r = 1 / sqrt(mean(x^2) + 1e-5): dx += r (dy - y mean(dy y)).</summary>
    /// <param name="x">Before the norm.</param>
    /// <param name="dy">Gradient of y.</param>
    /// <param name="dx">What is added to.</param>
    /// <param name="count">Numbers of the vector.</param>
    public static void Norm(float* x, float* dy, float* dx, int count)
    {
        float squares = MatrixProduct.Dot<F32>((byte*)x, x, count);
        float r = 1.0f / MathF.Sqrt((squares / count) + 1e-5f);
        float along = MatrixProduct.Dot<F32>((byte*)x, dy, count) * r / count;
        // r dy - r y along = r dy - x (r^2 along)
        Pointwise.Accumulate(dx, dy, r, count);
        Pointwise.Accumulate(dx, x, -(r * r * along), count);
    }

    /// <summary>The same where only y and r are known: dx = r (dy - y mean(dy y)), in the place of dy.</summary>
    public static void Normed(float* y, float r, float* dy, int count)
    {
        float along = MatrixProduct.Dot<F32>((byte*)y, dy, count) / count;
        Pointwise.Mix(dy, r, y, -(r * along), count);
    }

    /// <summary>Turns pairs back.</summary>
    public static void Rotate(float* dx, float* turns, int count)
    {
        for (int i = 0; i < count; i += 2)
        {
            (float a, float b, float cos, float sin) = (dx[i], dx[i + 1], turns[i], turns[i + 1]);
            dx[i] = (a * cos) + (b * sin);
            dx[i + 1] = (b * cos) - (a * sin);
        }
    }

    /// <summary>Of the EML activation: turns the gradient of its values into that of z, and gives that of k. What sits on a clamp has
    /// gradient 0.</summary>
    public static float Eml(float* z, float k, float* gradient, int count)
    {
        (float high, float low) = Pointwise.LnParts(k);
        (Vector256<float> lnK, Vector256<float> lnKLow) = (Vector256.Create(high), Vector256.Create(low));
        Vector256<float> sums = Vector256<float>.Zero, upper = sums;
        int i = 0;
        for (; i + Lanes.Width <= count; i += Lanes.Width)
        {
            (Vector256<float> dz, Vector256<float> overU) = Eml(Vector256.Load(z + i), lnK, lnKLow);
            var dy = Vector256.Load(gradient + i);
            sums = Fma(overU, dy, sums);
            (dz * dy).Store(gradient + i);
            (dz, overU) = Eml(Vector256.Load(z + i + 8), lnK, lnKLow);
            dy = Vector256.Load(gradient + i + 8);
            upper = Fma(overU, dy, upper);
            (dz * dy).Store(gradient + i + 8);
        }
        float sum = Sum(sums + upper);
        for (; i < count; i++)
        {
            (Vector256<float> dz, Vector256<float> overU) = Eml(Vector256.Create(z[i]), lnK, lnKLow);
            sum += overU.ToScalar() * gradient[i];
            gradient[i] *= dz.ToScalar();
        }
        return k > Pointwise.Floor ? sum / k : 0.0f;
    }

    /// <summary>Of max(0, z)^2.</summary>
    public static void SquaredRelu(float* z, float* gradient, int count) => Pointwise.ReluProduct(gradient, z, count);

    /// <summary>d act / dz, and [u > floor] / u.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Dz, Vector256<float> OverU) Eml(Vector256<float> z, Vector256<float> lnK, Vector256<float> lnKLow)
    {
        var largest = Vector256.Create(Pointwise.LargestExponent);
        var floor = Vector256.Create(Pointwise.Floor);
        (Vector256<float> e, Vector256<float> low) = ExpParts(Vector256.MinNative(z, largest));
        Vector256<float> u = (e - lnK) + (low - lnKLow);
        Vector256<float> overU = Vector256.GreaterThan(u, floor) & (Vector256<float>.One / Vector256.MaxNative(u, floor));
        return (Vector256.LessThan(z, largest) & (e - (e * overU)), overU);
    }
}
