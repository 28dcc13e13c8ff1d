using System.Runtime.InteropServices;

namespace Eml.Native;

// The structs of attention blocks in include/eml.h, field by field. Names and meanings are there.

/// <summary>EML_ATTENTION_… of include/eml.h.</summary>
internal static class AttentionKinds
{
    public const int Toy = 1;
    public const int Baseline = 2;
    public const int Block = 3;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AttentionOptionsStruct
{
    public uint StructSize;
    public int Kind;
    public uint DModel;
    public uint DK;
    public uint SeqLen;
    public uint Depth;
    public uint Heads;
    public uint Nodes;
    public int Positional;
    public int Residual;
    public uint Chunk;
    public uint Reserved;

    public static AttentionOptionsStruct Defaults => new()
    {
        Kind = AttentionKinds.Block,
        DModel = 8,
        DK = 8,
        SeqLen = 4,
        Depth = 3,
        Heads = 1,
        Nodes = 8,
        Residual = 1,
    };
}

[StructLayout(LayoutKind.Sequential)]
internal struct AttentionInfoStruct
{
    public uint StructSize;
    public int Kind;
    public uint DModel;
    public uint DK;
    public uint SeqLen;
    public uint Depth;
    public uint Heads;
    public uint Nodes;
    public int Positional;
    public int Residual;
    public uint Chunk;
    public int Trained;
    public ulong ParamCount;
    public ulong SampleCount;
    public ulong EventCount;
    public ulong TrainingRounds;
    public ulong LastAccepts;
    public double Scale;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct AttentionTrainOptionsStruct
{
    public uint StructSize;
    public uint Reserved;
    public ulong Seed;
    public ulong Trials;
    public double StepInit;
    public double StepFinal;
    public ulong MaxSamples;
    public ulong EvalSubset;
    public double ConvergenceMse;
    public ulong MaxEvaluations;
    public double TargetLoss;
    public nint Cancel;
    public delegate* unmanaged[Cdecl]<ProgressStruct*, void*, int> Progress;
    public void* User;
    public byte* AuditPath;
    public ulong AuditPathLen;
    public delegate* unmanaged[Cdecl]<void*, ulong, void*, int> Audit;

    public static AttentionTrainOptionsStruct Defaults
    {
        get
        {
            var config = new Functions.EndToEndTrainConfig();
            return new AttentionTrainOptionsStruct
            {
                Seed = config.Seed,
                Trials = (ulong)config.Trials,
                StepInit = config.StepInit,
                StepFinal = config.StepFinal,
                MaxSamples = (ulong)config.MaxSamples,
                EvalSubset = (ulong)config.EvalSubset,
                ConvergenceMse = config.ConvergenceMse,
            };
        }
    }
}

[StructLayout(LayoutKind.Sequential)]
internal struct AttentionTrainResultStruct
{
    public uint StructSize;
    public int Converged;
    public ulong SamplesUsed;
    public double MseBefore;
    public double MseAfter;
    public double CrossLoss;
    public ulong Evaluations;
    public ulong Trials;
    public ulong Accepted;
    public ulong Rounds;
}
