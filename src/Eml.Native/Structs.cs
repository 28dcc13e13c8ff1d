using System.Runtime.InteropServices;

namespace Eml.Native;

// The structs of include/eml.h, field by field. Names and meanings are there.

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ErrorStruct
{
    public uint StructSize;
    public int Code;
    public int SubCode;
    public uint Reserved;
    public ulong ByteOffset;
    public byte* Message;
    public ulong MessageLen;
}

[StructLayout(LayoutKind.Sequential)]
internal struct SafeTreeInfoStruct
{
    public uint StructSize;
    public uint Depth;
    public ulong Inputs;
    public ulong Heads;
    public ulong ParamCount;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ModelOptionsStruct
{
    public uint StructSize;
    public uint Depth;
    public ulong Inputs;
    public ulong Heads;
    public int Profile;
    public uint Reserved;

    public static ModelOptionsStruct Defaults => new() { Depth = 4, Inputs = 1, Heads = 1, Profile = (int)Functions.Profile.Default };
}

[StructLayout(LayoutKind.Sequential)]
internal struct ModelInfoStruct
{
    public uint StructSize;
    public uint Depth;
    public ulong Inputs;
    public ulong Heads;
    public ulong ParamCount;
    public ulong SampleCount;
    public ulong EventCount;
    public int Profile;
    public int Trained;
    public int Scaled;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct ProgressStruct
{
    public uint StructSize;
    public int Phase;
    public ulong Step;
    public ulong Total;
    public double Loss;
    public ulong Evaluations;
    public ulong Accepted;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TrainOptionsStruct
{
    public uint StructSize;
    public uint MaxSweeps;
    public ulong Seed;
    public double TargetLoss;
    public nint Cancel;
    public delegate* unmanaged[Cdecl]<ProgressStruct*, void*, int> Progress;
    public void* User;
    public byte* AuditPath;
    public ulong AuditPathLen;
    public delegate* unmanaged[Cdecl]<void*, ulong, void*, int> Audit;
}

[StructLayout(LayoutKind.Sequential)]
internal struct AuditReportStruct
{
    public uint StructSize;
    public int Verdict;
    public ulong Record;
    public ulong ByteOffset;
    public ulong Records;
    public ulong Moves;
    public ulong Trials;
    public double Loss;
    public int Cancelled;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct TrainResultStruct
{
    public uint StructSize;
    public int Converged;
    public ulong SamplesUsed;
    public double LossBefore;
    public double LossAfter;
    public ulong Evaluations;
    public ulong Accepted;
    public ulong Sweeps;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SnapOptionsStruct
{
    public uint StructSize;
    public uint Reserved;
    public double Tolerance;
    public double MaxLossIncrease;
    public double MaxLoss;
    public nint Cancel;
    public delegate* unmanaged[Cdecl]<ProgressStruct*, void*, int> Progress;
    public void* User;

    public static SnapOptionsStruct Defaults
    {
        get
        {
            var defaults = new Functions.SnapOptions();
            return new() { Tolerance = defaults.Tolerance, MaxLossIncrease = defaults.MaxLossIncrease, MaxLoss = defaults.MaxLoss };
        }
    }
}

[StructLayout(LayoutKind.Sequential)]
internal struct SnapResultStruct
{
    public uint StructSize;
    public int Unscaled;
    public ulong Snapped;
    public double LossBefore;
    public double LossAfter;
    public double LossAllowed;
    public ulong Evaluations;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct EventStruct
{
    public uint StructSize;
    public int Type;
    public byte* ModelName;
    public ulong ModelNameLen;
    public byte* Text;
    public ulong TextLen;
    public double* Output;
    public ulong OutputLen;
    public double Value0;
    public double Value1;
    public double Value2;
    public ulong Count0;
    public ulong Count1;
    public int Flag;
    public uint Reserved;
}
