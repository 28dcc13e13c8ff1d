using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Eml.Language.Kernels.FloatMath;

namespace Eml.Language.Kernels;

/// <summary>What is done to each number of a vector.</summary>
internal static unsafe class Pointwise
{
    /// <summary>The smallest k and argument of a logarithm: the binary32 number 1e-6.</summary>
    public const float Floor = 1e-6f;

    /// <summary>Exponents are clamped to it.</summary>
    public const float LargestExponent = 20.0f;

    /// <summary>y = x / sqrt(mean(x^2) + 1e-5) (RMSNorm without weights; Zhang and Sennrich 2019).</summary>
    public static void Norm(float* x, float* y, int count)
    {
        float squares = MatrixProduct.Dot<F32>((byte*)x, x, count);
        Lanes.Map(new ScaleMap(Vector256.Create(1.0f / MathF.Sqrt((squares / count) + 1e-5f))), x, x, y, count);
    }

    /// <summary>x *= a.</summary>
    public static void Scale(float* x, float a, int count) => Lanes.Map(new ScaleMap(Vector256.Create(a)), x, x, x, count);

    /// <summary>x = a x + b z.</summary>
    public static void Mix(float* x, float a, float* z, float b, int count) => Lanes.Map(new MixMap(Vector256.Create(a), Vector256.Create(b)), x, z, x, count);

    /// <summary>x += z.</summary>
    public static void Add(float* x, float* z, int count) => Lanes.Map(new AddMap(), x, z, x, count);

    /// <summary>x += a z.</summary>
    public static void Accumulate(float* x, float* z, float a, int count) => Lanes.Map(new AccumulateMap(Vector256.Create(a)), x, z, x, count);

    /// <summary>x *= 2 max(0, z).</summary>
    public static void ReluProduct(float* x, float* z, int count) => Lanes.Map(new ReluProductMap(), x, z, x, count);

    /// <summary>eml(z, eml(z, k)) with eml(a, b) = exp(a) - ln(b), exponents clamped to 20 and logarithms' arguments to the floor.</summary>
    public static void Eml(float* z, float k, int count)
    {
        (float high, float low) = LnParts(k);
        Lanes.Map(new EmlMap(Vector256.Create(high), Vector256.Create(low)), z, z, z, count);
    }

    /// <summary>ln max(k, floor) as a sum of two floats: for k above 1 it is taken from numbers close to it.</summary>
    public static (float High, float Low) LnParts(float k)
    {
        double ln = global::Eml.Numerics.Ln.Of(MathF.Max(k, Floor));
        return ((float)ln, (float)(ln - (float)ln));
    }

    /// <summary>max(0, z)^2.</summary>
    public static void SquaredRelu(float* z, int count) => Lanes.Map(new SquaredReluMap(), z, z, z, count);

    /// <summary>15 tanh(x / 15).</summary>
    public static void Cap(float* x, int count) => Lanes.Map(new CapMap(), x, x, x, count);

    /// <summary>Derivative of the cap where it gave <paramref name="y"/>.</summary>
    public static float CapSlope(float y) => 1.0f - (y / LanguageConfig.LogitCap * (y / LanguageConfig.LogitCap));

    /// <summary>Turns capped logits into scale times the gradient of ln sum exp with respect to what was capped.</summary>
    public static void LossGradient(float* y, float logSum, float scale, int count) =>
        Lanes.Map(new LossMap(Vector256.Create(logSum), Vector256.Create(scale)), y, y, y, count);

    /// <summary>x = exp(x - largest).</summary>
    public static void Exponentials(float* x, float largest, int count) => Lanes.Map(new ExpMap(Vector256.Create(largest)), x, x, x, count);

    /// <summary>The nearest bfloat16 of each number, ties to even.</summary>
    public static void RoundToBFloat16(float* x, int count) => Lanes.Map(new BFloat16Map(), x, x, x, count);

    /// <summary>2 / (1 + exp(-x)).</summary>
    public static float TwiceSigmoid(float x) => 2.0f / (1.0f + Exp(Vector256.Create(-x)).ToScalar());

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

    private readonly struct ScaleMap(Vector256<float> factor) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z) => x * factor;
    }

    private readonly struct MixMap(Vector256<float> a, Vector256<float> b) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z) => Fma(b, z, a * x);
    }

    private readonly struct AccumulateMap(Vector256<float> a) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z) => Fma(a, z, x);
    }

    private readonly struct ReluProductMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z)
        {
            Vector256<float> open = Vector256.MaxNative(z, Vector256<float>.Zero);
            return x * (open + open);
        }
    }

    private readonly struct AddMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z) => x + z;
    }

    private readonly struct EmlMap(Vector256<float> lnK, Vector256<float> lnKLow) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z)
        {
            (Vector256<float> e, Vector256<float> low) = ExpParts(Vector256.MinNative(x, Vector256.Create(LargestExponent)));
            Vector256<float> u = (e - lnK) + (low - lnKLow);
            return e - Ln(Vector256.MaxNative(u, Vector256.Create(Floor)));
        }
    }

    private readonly struct SquaredReluMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z)
        {
            Vector256<float> open = Vector256.MaxNative(x, Vector256<float>.Zero);
            return open * open;
        }
    }

    private readonly struct CapMap : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z)
        {
            // tanh y = 1 - 2 / (exp(2 y) + 1)
            Vector256<float> e = Exp(x * Vector256.Create(2.0f / LanguageConfig.LogitCap));
            return Vector256.Create(LanguageConfig.LogitCap) - (Vector256.Create(2.0f * LanguageConfig.LogitCap) / (e + Vector256<float>.One));
        }
    }

    private readonly struct LossMap(Vector256<float> logSum, Vector256<float> scale) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z)
        {
            Vector256<float> part = x / Vector256.Create(LanguageConfig.LogitCap);
            return Exp(x - logSum) * (Vector256<float>.One - (part * part)) * scale;
        }
    }

    private readonly struct ExpMap(Vector256<float> largest) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z) => Exp(x - largest);
    }

    private readonly struct BFloat16Map : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z)
        {
            Vector256<uint> bits = x.AsUInt32();
            Vector256<uint> half = Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
            return ((bits + half) & Vector256.Create(0xFFFF0000u)).AsSingle();
        }
    }
}
