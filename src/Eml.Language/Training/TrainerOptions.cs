using Eml.Numerics;

namespace Eml.Language;

/// <summary>How the k of the activation is kept above its floor.</summary>
public enum KParameter
{
    /// <summary>k = max(k, 1e-6) after each step: a k that has reached the floor stays there.</summary>
    Clamp,
    /// <summary>k = 1e-6 + softplus(raw), and raw is what is trained.</summary>
    Softplus,
}

/// <summary>What moves the weights.</summary>
public enum Optimizer
{
    /// <summary>AdamW for all of them.</summary>
    AdamW,
    /// <summary>Muon for the matrices of the layers, AdamW for the others.</summary>
    Muon,
}

/// <summary>What a trainer does.</summary>
public sealed record TrainerOptions
{
    /// <summary>Tokens of a sequence.</summary>
    public int SequenceLength { get; init; } = 512;

    /// <summary>Tokens whose activations are held at a time; gradients of several such groups are added up in a step.</summary>
    public int GroupTokens { get; init; } = 2048;

    /// <summary>Threads; any number gives the same bits.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Factor of all learning rates.</summary>
    public double RateFactor { get; init; } = 1.0;

    /// <summary>What moves the weights.</summary>
    public Optimizer Optimizer { get; init; }

    /// <summary>What matrices are rounded to after each step: F32 for nothing, or BF16, as the original does. Moments stay F32.</summary>
    public WeightType Weights { get; init; }

    /// <summary>How k is trained.</summary>
    public KParameter KParameter { get; init; }

    /// <summary>k never becomes larger: above 1 training is ill-conditioned, since exp(z) - ln k can be 0.</summary>
    public float LargestK { get; init; } = float.MaxValue;

    /// <summary>Refuses what has no meaning.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.Argument"/>: the message says what and what it may be.</exception>
    public void Check()
    {
        Require("tokens of a sequence", SequenceLength, SequenceLength is >= 2 and <= 1 << 16, "2 to 65536");
        Require("tokens of a group", GroupTokens, GroupTokens >= SequenceLength && GroupTokens <= 1 << 20, "at least a sequence, at most 1048576");
        Require("threads", Threads, Threads is >= 1 and <= 256, "1 to 256");
        Require("factor of the learning rates", RateFactor, RateFactor is > 0.0 and <= 100.0, "above 0, at most 100");
        Require("type of the weights", (int)Weights, Weights is WeightType.F32 or WeightType.BF16, "F32 or BF16");
        Require("largest k", LargestK, LargestK >= 1e-6f, "1e-6 or more");
    }

    private static void Require(string what, double value, bool holds, string wanted)
    {
        if (!holds)
        {
            throw new EmlException(ErrorCode.Argument, $"training: {what}: {value}; it must be {wanted}");
        }
    }
}

/// <summary>The multiplier of the learning rates: up to 1, 1, and down again.</summary>
/// <param name="Warmup">Share of the run in which it rises from 0.</param>
/// <param name="Warmdown">Share of the run in which it falls.</param>
/// <param name="Final">What it falls to.</param>
public sealed record TrainingSchedule(double Warmup = 0.0, double Warmdown = 0.5, double Final = 0.0)
{
    /// <summary>The multiplier at a share of the run, 0 to 1.</summary>
    public double At(double progress)
    {
        if (progress < Warmup)
        {
            return progress / Warmup;
        }
        if (progress < 1.0 - Warmdown)
        {
            return 1.0;
        }
        double cooled = (1.0 - progress) / Warmdown;
        return cooled + ((1.0 - cooled) * Final);
    }
}
