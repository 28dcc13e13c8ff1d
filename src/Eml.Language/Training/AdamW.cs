using System.Runtime.Intrinsics;
using Eml.Language.Kernels;
using Eml.Numerics;

namespace Eml.Language;

/// <summary>How a group of tensors is updated.</summary>
/// <param name="Rate">Learning rate before the schedule's multiplier.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second.</param>
/// <param name="WeightDecay">Share of the rate by which weights shrink at each step.</param>
internal readonly record struct AdamGroup(double Rate, double Beta1, double Beta2, double WeightDecay)
{
    /// <summary>The group of a tensor: rates of matrices are fixed, those of embeddings fall with the root of the width.</summary>
    public static AdamGroup Of(TrainableTensor tensor, int modelWidth)
    {
        double scale = 1.0 / Math.Sqrt(modelWidth / 768.0);
        string name = tensor.Name;
        if (name.StartsWith("blocks.", StringComparison.Ordinal) && tensor.Shape.Length == 2)
        {
            return new AdamGroup(0.04, 0.8, 0.95, 0.2);
        }
        if (name == "wte.weight" || name.StartsWith("value_embeds.", StringComparison.Ordinal))
        {
            return new AdamGroup(0.6 * scale, 0.8, 0.95, 0.0);
        }
        return name switch
        {
            "resid_lambdas" => new AdamGroup(0.5 * 0.01, 0.8, 0.95, 0.0),
            "x0_lambdas" => new AdamGroup(0.5, 0.96, 0.95, 0.0),
            _ => new AdamGroup(0.004 * scale, 0.8, 0.95, 0.0),
        };
    }
}

/// <summary>AdamW (Loshchilov and Hutter 2019) with a group for each kind of tensor.</summary>
internal static unsafe class AdamW
{
    private const float Epsilon = 1e-10f;

    /// <summary>Updates the tensors of thread <paramref name="part"/> of <paramref name="parts"/> by their gradients.</summary>
    /// <param name="tensors">The weights.</param>
    /// <param name="options">Which tensors to leave to <see cref="Muon"/>, what matrices are rounded to, and the largest k.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="multiplier">The schedule's.</param>
    /// <param name="part">Thread.</param>
    /// <param name="parts">Threads.</param>
    public static void Update(TrainableTensors tensors, TrainerOptions options, long step, double multiplier, int part, int parts)
    {
        foreach (TrainableTensor tensor in tensors.All)
        {
            if (options.Optimizer == Optimizer.Muon && Muon.Takes(tensor))
            {
                continue;
            }
            var group = AdamGroup.Of(tensor, tensors.Config.ModelWidth);
            long blocks = (tensor.Count + Lanes.Width - 1) / Lanes.Width;
            long from = tensor.Start + (blocks * part / parts * Lanes.Width);
            long to = tensor.Start + Math.Min(tensor.Count, blocks * (part + 1) / parts * Lanes.Width);
            Update(tensors, group, step, multiplier, from, to);
            if (options.Weights == WeightType.BF16 && tensor.Shape.Length == 2)
            {
                Pointwise.RoundToBFloat16(tensors.Values + from, (int)(to - from));
            }
            if (part == parts - 1 && tensor.Name.EndsWith("eml_k", StringComparison.Ordinal))
            {
                float* k = tensors.Values + tensor.Start;
                *k = MathF.Min(MathF.Max(*k, Pointwise.Floor), options.LargestK);
            }
        }
    }

    private static void Update(TrainableTensors tensors, AdamGroup group, long step, double multiplier, long from, long to)
    {
        double rate = group.Rate * multiplier;
        var update = new Step(
            Vector512.Create((float)group.Beta1), Vector512.Create((float)(1.0 - group.Beta1)),
            Vector512.Create((float)group.Beta2), Vector512.Create((float)(1.0 - group.Beta2)),
            Vector512.Create((float)(rate / (1.0 - Power(group.Beta1, step)))), Vector512.Create((float)(1.0 / (1.0 - Power(group.Beta2, step)))),
            Vector512.Create((float)(1.0 - (rate * group.WeightDecay))));
        for (long i = from; i < to; i += Lanes.Width)
        {
            // Tensors begin where vectors do, and what lies between them is 0 and stays 0.
            update.Run(tensors.Values + i, tensors.Gradients + i, tensors.Means + i, tensors.Squares + i);
        }
    }

    /// <summary>beta^step with the same bits everywhere.</summary>
    private static double Power(double beta, long step) => Pow.Of(beta, step);

    private readonly struct Step(Vector512<float> beta1, Vector512<float> rest1, Vector512<float> beta2, Vector512<float> rest2,
        Vector512<float> rate, Vector512<float> correction, Vector512<float> decay)
    {
        public void Run(float* value, float* gradient, float* mean, float* square)
        {
            var g = Vector512.Load(gradient);
            Vector512<float> m = (beta1 * Vector512.Load(mean)) + (rest1 * g);
            Vector512<float> v = (beta2 * Vector512.Load(square)) + (rest2 * (g * g));
            m.Store(mean);
            v.Store(square);
            Vector512<float> root = Vector512.Sqrt(v * correction) + Vector512.Create(Epsilon);
            ((Vector512.Load(value) * decay) - (rate * (m / root))).Store(value);
        }
    }
}
