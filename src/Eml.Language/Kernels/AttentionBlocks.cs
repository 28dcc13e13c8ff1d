using System.Runtime.Intrinsics;
using static Eml.Language.Kernels.FloatMath;

namespace Eml.Language.Kernels;

/// <summary>Where queries, keys, values and results of one head of one sequence lie: row t is at t times the stride.</summary>
internal unsafe struct HeadRows
{
    public float* Query;
    public float* Key;
    public float* Value;
    public float* Result;
    public long QueryStride;
    public long KeyStride;
}

/// <summary>Attention of a whole sequence, 64 queries at a time, with its derivative. What a block of queries needs of the scores is
/// computed again for the derivative (Dao et al. 2022), so that no matrix of all scores is kept.</summary>
internal sealed unsafe class AttentionBlocks(int size, int window, float* scores, float* gradients, float* panel)
{
    /// <summary>Queries of a block.</summary>
    public const int Queries = 64;

    private readonly float _factor = 1.0f / MathF.Sqrt(size);

    /// <summary>Floats of the two buffers of scores: queries times the keys that a block can see.</summary>
    public static long ScoreFloats(int window, int length) => (long)Queries * Seen(window, length);

    /// <summary>Floats of the panel.</summary>
    public static long PanelFloats(int window, int length, int size) => (long)Gemm.Panel * Math.Max(size, Math.Max(Queries, Seen(window, length)));

    /// <summary>result = softmax(q K^T / sqrt(head_dim)) V; <paramref name="logs"/> gets ln of the sum of exponentials of each query.</summary>
    public void Forward(HeadRows rows, int length, float* logs, int logStride)
    {
        for (int start = 0; start < length; start += Queries)
        {
            int queries = Math.Min(Queries, length - start);
            int first = Math.Max(0, start - window + 1);
            int keys = start + queries - first;
            Scores(rows.Query + (start * rows.QueryStride), rows.QueryStride, rows.Key, rows.KeyStride, first, queries, keys, scores);
            for (int i = 0; i < queries; i++)
            {
                logs[(long)(start + i) * logStride] = Softmax(scores + ((long)i * keys), start + i, first, keys);
            }
            Product(scores, keys, 1, queries, keys, rows.Value + (first * rows.KeyStride), rows.KeyStride, rows.Result + (start * rows.QueryStride), rows.QueryStride, false);
        }
    }

    /// <summary>Gradients: <paramref name="d"/>.Result is that of the result; Query is written, Key and Value are added to.</summary>
    public void Backward(HeadRows rows, HeadRows d, int length, float* logs, int logStride)
    {
        for (int start = 0; start < length; start += Queries)
        {
            int queries = Math.Min(Queries, length - start);
            int first = Math.Max(0, start - window + 1);
            int keys = start + queries - first;
            long query = start * rows.QueryStride, key = first * rows.KeyStride;
            Scores(rows.Query + query, rows.QueryStride, rows.Key, rows.KeyStride, first, queries, keys, scores);
            Scores(d.Result + query, rows.QueryStride, rows.Value, rows.KeyStride, first, queries, keys, gradients);
            for (int i = 0; i < queries; i++)
            {
                float* p = scores + ((long)i * keys);
                Pointwise.Scale(p, _factor, keys);
                Pointwise.Exponentials(p, logs[(long)(start + i) * logStride], keys);
                Mask(p, start + i, first, keys);
            }
            // dV += P^T dO
            Product(scores, 1, keys, keys, queries, d.Result + query, rows.QueryStride, d.Value + key, rows.KeyStride, true);
            for (int i = 0; i < queries; i++)
            {
                long row = (start + i) * rows.QueryStride;
                float along = MatrixProduct.Dot<F32>((byte*)(rows.Result + row), d.Result + row, size);
                Lanes.Map(new SoftmaxGradient(Vector256.Create(along), Vector256.Create(_factor)), gradients + ((long)i * keys), scores + ((long)i * keys), gradients + ((long)i * keys), keys);
            }
            Product(gradients, keys, 1, queries, keys, rows.Key + key, rows.KeyStride, d.Query + query, rows.QueryStride, false);
            // dK += dS^T Q
            Product(gradients, 1, keys, keys, queries, rows.Query + query, rows.QueryStride, d.Key + key, rows.KeyStride, true);
        }
    }

    private static int Seen(int window, int length) => Math.Min(length, window - 1 + Queries);

    /// <summary>to (queries, keys) = queries times keys transposed.</summary>
    private void Scores(float* query, long queryStride, float* key, long keyStride, int first, int queries, int keys, float* to)
    {
        for (int at = 0; at < keys; at += Gemm.Panel)
        {
            int count = Math.Min(Gemm.Panel, keys - at);
            Gemm.PackTransposed(key + (first * keyStride), keyStride, size, at, keys, panel);
            Gemm.Multiply(query, queryStride, 1, queries, size, panel, to + at, keys, count, false);
        }
    }

    /// <summary>c (m, head_dim) = a (m, k) times b (k, head_dim).</summary>
    private void Product(float* a, long rowStep, long columnStep, int m, int k, float* b, long stride, float* c, long cStride, bool add)
    {
        for (int at = 0; at < size; at += Gemm.Panel)
        {
            Gemm.Pack(b, stride, k, at, size, panel);
            Gemm.Multiply(a, rowStep, columnStep, m, k, panel, c + at, cStride, Math.Min(Gemm.Panel, size - at), add);
        }
    }

    /// <summary>Turns the scores of the query at <paramref name="position"/> into probabilities; gives ln of the sum.</summary>
    private float Softmax(float* p, int position, int first, int keys)
    {
        int from = Math.Max(0, position - window + 1 - first);
        int count = position - first + 1 - from;
        Pointwise.Scale(p + from, _factor, count);
        float largest = Attention.Largest(p + from, count);
        Pointwise.Exponentials(p + from, largest, count);
        float sum = MatrixProduct.Sum(p + from, count);
        Pointwise.Scale(p + from, 1.0f / sum, count);
        Mask(p, position, first, keys);
        return largest + Ln(Vector256.Create(sum)).ToScalar();
    }

    private void Mask(float* p, int position, int first, int keys)
    {
        int from = Math.Max(0, position - window + 1 - first);
        new Span<float>(p, from).Clear();
        new Span<float>(p + (position - first + 1), keys - (position - first + 1)).Clear();
    }

    /// <summary>dS = P (dP - along) / sqrt(head_dim).</summary>
    private readonly struct SoftmaxGradient(Vector256<float> along, Vector256<float> factor) : IMap
    {
        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Of(Vector256<float> x, Vector256<float> z) => z * (x - along) * factor;
    }
}
