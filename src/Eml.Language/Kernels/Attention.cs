using System.Runtime.Intrinsics;
using static Eml.Language.Kernels.FloatMath;

namespace Eml.Language.Kernels;

/// <summary>softmax(q K^T / sqrt(head_dim)) V of one query and one head.</summary>
internal static unsafe class Attention
{
    /// <summary>Attends to <paramref name="count"/> positions from <paramref name="first"/>; they are taken in order, wherever the ring begins.</summary>
    /// <param name="query">(head_dim)</param>
    /// <param name="keys">(capacity, head_dim), position p in row p mod capacity.</param>
    /// <param name="values">Likewise.</param>
    /// <param name="capacity">Rows of the ring.</param>
    /// <param name="first">First position.</param>
    /// <param name="count">Positions, at most the capacity.</param>
    /// <param name="size">head_dim</param>
    /// <param name="scores">Room for count numbers and 16 more.</param>
    /// <param name="result">(head_dim)</param>
    public static void Head(float* query, float* keys, float* values, int capacity, long first, int count, int size, float* scores, float* result)
    {
        int start = (int)(first % capacity);
        int before = Math.Min(count, capacity - start);
        float factor = 1.0f / MathF.Sqrt(size);
        Scores(query, keys + ((long)start * size), before, size, factor, scores);
        Scores(query, keys, count - before, size, factor, scores + before);
        Pointwise.Exponentials(scores, Largest(scores, count), count);
        float sum = MatrixProduct.Sum(scores, count);
        new Span<float>(result, size).Clear();
        Gather(values + ((long)start * size), before, size, scores, result);
        Gather(values, count - before, size, scores + before, result);
        Pointwise.Scale(result, 1.0f / sum, size);
    }

    private static void Scores(float* query, float* keys, int count, int size, float factor, float* scores)
    {
        int p = 0;
        for (; size % Lanes.Width == 0 && p + 4 <= count; p += 4)
        {
            MatrixProduct.Four<F32>((byte*)(keys + ((long)p * size)), size, query, Vector128.Create(factor), scores + p);
        }
        for (; p < count; p++)
        {
            scores[p] = MatrixProduct.Dot<F32>((byte*)(keys + ((long)p * size)), query, size) * factor;
        }
    }

    public static float Largest(float* scores, int count)
    {
        Vector256<float> largest = Vector256.Create(float.NegativeInfinity);
        int i = 0;
        for (; i + Vector256<float>.Count <= count; i += Vector256<float>.Count)
        {
            largest = Vector256.MaxNative(largest, Vector256.Load(scores + i));
        }
        float best = float.NegativeInfinity;
        for (int lane = 0; lane < Vector256<float>.Count; lane++)
        {
            best = MathF.Max(best, largest[lane]);
        }
        for (; i < count; i++)
        {
            best = MathF.Max(best, scores[i]);
        }
        return best;
    }

    /// <summary>result += the sum over positions of weight times value, position after position.</summary>
    private static void Gather(float* values, int count, int size, float* weights, float* result)
    {
        const int Wide = 4 * Lanes.Width;
        int i = 0;
        for (; i + Wide <= size; i += Wide)
        {
            float* r = result + i;
            Vector512<float> a = Vector512.Load(r), b = Vector512.Load(r + 16), c = Vector512.Load(r + 32), d = Vector512.Load(r + 48);
            float* v = values + i;
            for (int p = 0; p < count; p++, v += size)
            {
                var w = Vector512.Create(weights[p]);
                a = Fma(w, Vector512.Load(v), a);
                b = Fma(w, Vector512.Load(v + 16), b);
                c = Fma(w, Vector512.Load(v + 32), c);
                d = Fma(w, Vector512.Load(v + 48), d);
            }
            a.Store(r);
            b.Store(r + 16);
            c.Store(r + 32);
            d.Store(r + 48);
        }
        for (; i + Lanes.Width <= size; i += Lanes.Width)
        {
            var sum = Vector512.Load(result + i);
            for (int p = 0; p < count; p++)
            {
                sum = Fma(Vector512.Create(weights[p]), Vector512.Load(values + ((long)p * size) + i), sum);
            }
            sum.Store(result + i);
        }
        for (; i < size; i++)
        {
            float sum = result[i];
            for (int p = 0; p < count; p++)
            {
                sum += weights[p] * values[((long)p * size) + i];
            }
            result[i] = sum;
        }
    }
}
