using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Eml.Formats.Machine;
using Eml.Machine.Compact;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>Compact machines: programs that run by forward passes of a transformer.</summary>
internal static unsafe class MachineExports
{
    private static readonly Lazy<byte[]> s_description = new(() => Failure.Pin(CompactDescription.ToJson()));

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_options_init", CallConvs = [typeof(CallConvCdecl)])]
    public static int OptionsInit(MachineOptionsStruct* options, uint size) =>
        Failure.Guard(() => Versioned.Initialise(options, default, size, "options"));

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_create", CallConvs = [typeof(CallConvCdecl)])]
    public static int Create(MachineOptionsStruct* options, nint* result) => Out.Handle(result, Kind.Machine, () =>
    {
        MachineOptionsStruct o = Versioned.Read(options, default, "eml_machine_options");
        return new MachineBox(Flag(o.Dense, "dense"), Flag(o.KeepTrace, "keep_trace"), Flag(o.Probe, "probe"));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_free", CallConvs = [typeof(CallConvCdecl)])]
    public static int Free(nint machine) => Failure.Guard(() => Handles.Free(machine, Kind.Machine));

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_load", CallConvs = [typeof(CallConvCdecl)])]
    public static int Load(nint machine, InstructionStruct* program, ulong count) => Failure.Guard(() =>
    {
        using Use<MachineBox> use = Write(machine);
        if (count > InstructionSet.ProgramLimit)
        {
            throw new EmlException(ErrorCode.Limit,
                $"the program has {count} instructions; at most {InstructionSet.ProgramLimit} fit: shorten it, for example by a loop");
        }

        Span<InstructionStruct> given = Arguments.Array(program, count, "program");
        var instructions = new CompactInstruction[given.Length];
        for (int i = 0; i < given.Length; i++)
        {
            instructions[i] = new CompactInstruction(given[i].Opcode,
                given[i].Operand == InstructionStruct.NoOperand ? null : given[i].Operand);
        }

        use.Target.Load(instructions);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_load_text", CallConvs = [typeof(CallConvCdecl)])]
    public static int LoadText(nint machine, byte* text, ulong len) => Failure.Guard(() =>
    {
        using Use<MachineBox> use = Write(machine);
        use.Target.Load(CompactText.Parse(Arguments.Text(text, len, "text")));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_set_file", CallConvs = [typeof(CallConvCdecl)])]
    public static int SetFile(nint machine, int descriptor, void* bytes, ulong size) => Failure.Guard(() =>
    {
        using Use<MachineBox> use = Write(machine);
        if (size > InstructionSet.FileLimit)
        {
            throw new EmlException(ErrorCode.Limit, $"file {descriptor} has {size} bytes; a file holds at most {InstructionSet.FileLimit}");
        }

        use.Target.SetFile(descriptor, Arguments.Array((byte*)bytes, size, "bytes").ToArray());
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_run", CallConvs = [typeof(CallConvCdecl)])]
    public static int Run(nint machine, ulong fuel, delegate* unmanaged[Cdecl]<MachineEventStruct*, void*, int> callback, void* user,
        nint cancel) => Failure.Guard(() =>
    {
        using Use<MachineBox> use = Write(machine);
        return use.Target.Run(fuel, callback, user, CancelExports.GetOrNull(cancel));
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_step", CallConvs = [typeof(CallConvCdecl)])]
    public static int Step(nint machine, MachineEventStruct* result) => Failure.Guard(() =>
    {
        using Use<MachineBox> use = Write(machine);
        Arguments.NotNull(result, "out");
        Versioned.Check(result, "out");
        if (use.Target.Step() is not { } item)
        {
            return Failure.Done;
        }

        Versioned.Write(result, item, "out");
        return Failure.Ok;
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_get_info", CallConvs = [typeof(CallConvCdecl)])]
    public static int GetInfo(nint machine, MachineInfoStruct* result) => Failure.Guard(() =>
    {
        using SharedUse<MachineBox> use = Read(machine);
        Versioned.Write(result, use.Target.Info, "out");
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_output", CallConvs = [typeof(CallConvCdecl)])]
    public static int Output(nint machine, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<MachineBox> use = Read(machine);
        Arguments.Out(use.Target.Output, buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_file", CallConvs = [typeof(CallConvCdecl)])]
    public static int File(nint machine, int descriptor, void* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<MachineBox> use = Read(machine);
        Arguments.Out(use.Target.File(descriptor), buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_trace", CallConvs = [typeof(CallConvCdecl)])]
    public static int Trace(nint machine, ulong first, int* tokens, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<MachineBox> use = Read(machine);
        Arguments.OutTokens(use.Target.Trace(first), tokens, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_describe", CallConvs = [typeof(CallConvCdecl)])]
    public static int Describe(nint machine, byte* buf, ulong cap, ulong* need) => Failure.Guard(() =>
    {
        using SharedUse<MachineBox> use = Read(machine);
        Arguments.Out(s_description.Value, buf, cap, need);
    });

    [UnmanagedCallersOnly(EntryPoint = "eml_machine_export", CallConvs = [typeof(CallConvCdecl)])]
    public static int Export(nint machine, byte* path, ulong pathLen) => Failure.Guard(() =>
    {
        using SharedUse<MachineBox> use = Read(machine);
        string folder = Arguments.Path(path, pathLen);
        CompactFolder.Save(folder, use.Target.Prompt);
        Log.Write(Log.Info, $"saved {folder}");
    });

    private static Use<MachineBox> Write(nint machine) => new(machine, Kind.Machine);

    private static SharedUse<MachineBox> Read(nint machine) => new(machine, Kind.Machine);

    private static bool Flag(int value, string name) => value is 0 or 1
        ? value == 1
        : throw new EmlException(ErrorCode.Argument, $"options.{name} is {value}; use 0 or 1");
}
