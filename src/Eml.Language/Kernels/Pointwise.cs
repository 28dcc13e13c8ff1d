using System.Runtime.Intrinsics;
using static Eml.Language.Kernels.FloatMath;

namespace Eml.Language.Kernels;

/// <summary>What is done to each number of a vector.</summary>
internal static unsafe class Pointwise
{
    /// <summary>The smallest k and argument of a logarithm: the binary32 number 1e-6.</summary>
    public const float Floor = 1e-6f;

    /// <summary>Exponents are clamped to it.</summary>
    private const float LargestExponent = 20.0f;

    /// <summary>y = x / sqrt(mean(x^2) + 1e-5) (RMSNorm without weights; Zhang and Sennrich 2019).</summary>
    public static void Norm(float* x, float* y, int count)
    {
        Vector512<float> squares = Vector512<float>.Zero;
        for (int i = 0; i < count; i += Lanes.Width)
        {
            Vector512<float> part = Lanes.Load(x, i, count);
            squares = Fma(part, part, squares);
        }
        var factor = Vector512.Create(1.0f / MathF.Sqrt((Sum(squares) / count) + 1e-5f));
        for (int i = 0; i < count; i += Lanes.Width)
        {
            Lanes.Store(Lanes.Load(x, i, count) * factor, y, i, count);
        }
    }

    /// <summary>x = a x + b z.</summary>
    public static void Mix(float* x, float a, float* z, float b, int count)
    {
        Vector512<float> ofX = Vector512.Create(a), ofZ = Vector512.Create(b);
        for (int i = 0; i < count; i += Lanes.Width)
        {
            Lanes.Store(Fma(ofZ, Lanes.Load(z, i, count), ofX * Lanes.Load(x, i, count)), x, i, count);
        }
    }

    /// <summary>x += z.</summary>
    public static void Add(float* x, float* z, int count)
    {
        for (int i = 0; i < count; i += Lanes.Width)
        {
            Lanes.Store(Lanes.Load(x, i, count) + Lanes.Load(z, i, count), x, i, count);
        }
    }

    /// <summary>eml(z, eml(z, k)) with eml(a, b) = exp(a) - ln(b), exponents clamped to 20 and logarithms' arguments to the floor.</summary>
    public static void Eml(float* z, float k, int count)
    {
        var lnK = Vector512.Create(Ln(Vector512.Create(MathF.Max(k, Floor)))[0]);
        for (int i = 0; i < count; i += Lanes.Width)
        {
            Vector512<float> e = Exp(Vector512.Min(Lanes.Load(z, i, count), Vector512.Create(LargestExponent)));
            Vector512<float> u = Vector512.Max(e - lnK, Vector512.Create(Floor));
            Lanes.Store(e - Ln(u), z, i, count);
        }
    }

    /// <summary>max(0, z)^2.</summary>
    public static void SquaredRelu(float* z, int count)
    {
        for (int i = 0; i < count; i += Lanes.Width)
        {
            Vector512<float> part = Vector512.Max(Lanes.Load(z, i, count), Vector512<float>.Zero);
            Lanes.Store(part * part, z, i, count);
        }
    }

    /// <summary>15 tanh(x / 15).</summary>
    public static void Cap(float* x, int count)
    {
        var cap = Vector512.Create(LanguageConfig.LogitCap);
        for (int i = 0; i < count; i += Lanes.Width)
        {
            // tanh y = 1 - 2 / (exp(2 y) + 1)
            Vector512<float> e = Exp(Lanes.Load(x, i, count) * Vector512.Create(2.0f / LanguageConfig.LogitCap));
            Lanes.Store(cap - (cap * Vector512.Create(2.0f) / (e + Vector512<float>.One)), x, i, count);
        }
    }

    /// <summary>2 / (1 + exp(-x)).</summary>
    public static float TwiceSigmoid(float x) => 2.0f / (1.0f + Exp(Vector512.Create(-x))[0]);

    /// <summary>Turns pairs (2 j, 2 j + 1) by the angles of a position: <paramref name="turns"/> has cosines and sines in turn
    /// (Su et al. 2021, interleaved).</summary>
    public static void Rotate(float* x, float* turns, int count)
    {
        for (int i = 0; i < count; i += 2)
        {
            (float a, float b, float cos, float sin) = (x[i], x[i + 1], turns[i], turns[i + 1]);
            x[i] = (a * cos) - (b * sin);
            x[i + 1] = (a * sin) + (b * cos);
        }
    }
}
