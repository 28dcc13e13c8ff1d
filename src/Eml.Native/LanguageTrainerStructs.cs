using System.Runtime.InteropServices;

namespace Eml.Native;

// The structs of language models' training in include/eml.h, field by field. Names and meanings are there.

[StructLayout(LayoutKind.Sequential)]
internal struct TrainerOptionsStruct
{
    public uint StructSize;
    public uint SequenceLength;
    public uint GroupTokens;
    public uint Threads;
    public int Optimizer;
    public int KParameter;
    public int WeightType;
    public uint Reserved;
    public double Rate;
    public double LargestK;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TrainerInfoStruct
{
    public uint StructSize;
    public uint SequenceLength;
    public ulong Steps;
    public ulong Parameters;
    public ulong Bytes;
    public double Seconds;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TrainingStepStruct
{
    public uint StructSize;
    public uint Epoch;
    public ulong Step;
    public ulong Tokens;
    public double Loss;
    public double Multiplier;
    public double Seconds;
    public double TokensPerSecond;
    public double Progress;
    public double BitsPerByte;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TrainingPlanStruct
{
    public uint StructSize;
    public uint BatchTokens;
    public ulong Steps;
    public double Seconds;
    public double Warmup;
    public double Warmdown;
    public double FinalRate;
    public uint ValidationEvery;
    public uint ValidationTokens;
    public nint Cancel;
    public delegate* unmanaged[Cdecl]<TrainingStepStruct*, void*, int> Step;
    public void* User;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TrainingResultStruct
{
    public uint StructSize;
    public int IsDone;
    public ulong Steps;
    public double Seconds;
    public double BitsPerByte;
}
