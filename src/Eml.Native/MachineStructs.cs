using System.Runtime.InteropServices;

namespace Eml.Native;

// The structs of compact machines in include/eml.h, field by field. Names and meanings are there.

/// <summary>EML_MACHINE_… of include/eml.h.</summary>
internal static class MachineStates
{
    public const int Empty = 0;
    public const int Ready = 1;
    public const int Halted = 2;
    public const int Failed = 3;
}

[StructLayout(LayoutKind.Sequential)]
internal struct InstructionStruct
{
    public const int NoOperand = -1;

    public int Opcode;
    public int Operand;
}

[StructLayout(LayoutKind.Sequential)]
internal struct MachineOptionsStruct
{
    public uint StructSize;
    public int Dense;
    public int KeepTrace;
    public int Probe;
}

[StructLayout(LayoutKind.Sequential)]
internal struct MachineInfoStruct
{
    public uint StructSize;
    public int State;
    public ulong Instructions;
    public ulong Steps;
    public ulong OutputSize;
    public ulong StateBytes;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MachineEventStruct
{
    public uint StructSize;
    public uint Row;
    public ulong Step;
    public int Opcode;
    public int Operand;
    public int Token;
    public int IsOutput;
    public uint Layers;
    public uint Heads;
    public uint DModel;
    public uint DFfn;
    public double* Stream;
    public double* Units;
    public long* Winners;
    public double* Values;
}
