using System.Runtime.InteropServices;

namespace Eml.Native;

// The structs of WebAssembly machines in include/eml.h, field by field. Names and meanings are there.

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WasmCallStruct
{
    public uint StructSize;
    public uint Reserved;
    public byte* Module;
    public ulong ModuleLen;
    public byte* Name;
    public ulong NameLen;
    public ulong* Args;
    public byte* Params;
    public ulong ArgCount;
    public ulong* Results;
    public byte* ResultTypes;
    public ulong ResultCount;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WasmImportStruct
{
    public byte* Module;
    public ulong ModuleLen;
    public byte* Name;
    public ulong NameLen;
    public delegate* unmanaged[Cdecl]<WasmCallStruct*, void*, int> Function;
    public void* User;
    public ulong Value;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WasmOptionsStruct
{
    public uint StructSize;
    public int Dense;
    public WasmImportStruct* Imports;
    public ulong ImportCount;
    public delegate* unmanaged[Cdecl]<double*, ulong, ulong, void*, int> Token;
    public void* User;
    public WasmWasiStruct* Wasi;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WasmTextStruct
{
    public byte* Text;
    public ulong Length;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WasmWasiStruct
{
    public uint StructSize;
    public int FixedClock;
    public ulong ClockNanoseconds;
    public ulong Seed;
    public WasmTextStruct* Args;
    public ulong ArgCount;
    public WasmTextStruct* Environment;
    public ulong EnvironmentCount;
    public void* Input;
    public ulong InputSize;
    public delegate* unmanaged[Cdecl]<WasmTransferStruct*, void*, int> Read;
    public delegate* unmanaged[Cdecl]<WasmTransferStruct*, void*, int> Write;
    public void* User;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WasmTransferStruct
{
    public uint StructSize;
    public int Stream;
    public void* Bytes;
    public ulong Size;
    public ulong Given;
}

[StructLayout(LayoutKind.Sequential)]
internal struct WasmInfoStruct
{
    public const int Idle = 0;
    public const int Suspended = 1;

    public uint StructSize;
    public int State;
    public ulong Instructions;
    public ulong Tokens;
    public ulong PromptTokens;
    public ulong Pages;
    public ulong StateBytes;
    public ulong Functions;
    public ulong Parameters;
    public uint Layers;
    public uint DModel;
    public int HasExited;
    public uint ExitCode;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct WasmFunctionStruct
{
    public uint StructSize;
    public uint Number;
    public byte* Name;
    public ulong NameLen;
    public byte* Params;
    public ulong ParamCount;
    public byte* Results;
    public ulong ResultCount;
}
