using System.Runtime.InteropServices;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>A compact machine behind a handle, with what the ABI adds: files that are given one by one, and the memory behind the
/// events handed out.</summary>
internal sealed unsafe class MachineBox
{
    private readonly CompactMachine _machine;
    private readonly bool _keepsTrace;
    private readonly bool _probes;
    private readonly StepProbe _probe = new(CompactMachine.Weights.Config);
    private readonly LayerData _layers = new(CompactMachine.Weights.Config);
    private IReadOnlyList<CompactInstruction>? _instructions;
    private CompactText? _text;
    private byte[][] _files = NoFiles();

    public MachineBox(bool dense, bool keepTrace, bool probe)
    {
        _machine = new CompactMachine(dense, keepTrace);
        _keepsTrace = keepTrace;
        _probes = probe;
    }

    public int State => _instructions is null ? MachineStates.Empty : _machine.Status switch
    {
        GenerationStatus.Done => MachineStates.Halted,
        GenerationStatus.TakenTooOften or GenerationStatus.StoreFull => MachineStates.Failed,
        _ => MachineStates.Ready,
    };

    public MachineInfoStruct Info => new()
    {
        State = State,
        Instructions = (ulong)(_instructions?.Count ?? 0),
        Steps = (ulong)_machine.Steps,
        OutputSize = (ulong)_machine.Output.Count,
        StateBytes = (ulong)_machine.StateBytes,
    };

    public byte[] Output => [.. _machine.Output];

    /// <summary>The generated tokens from number <paramref name="first"/> on.</summary>
    public int[] Trace(ulong first)
    {
        if (!_keepsTrace)
        {
            throw new EmlException(ErrorCode.Unsupported, "this machine keeps no trace; create it with options.keep_trace = 1");
        }

        IReadOnlyList<GeneratedToken> trace = _machine.Trace;
        if (first > (ulong)trace.Count)
        {
            throw new EmlException(ErrorCode.Argument, $"first is {first}, but only {trace.Count} instructions were executed; use 0 to {trace.Count}");
        }

        int[] tokens = new int[trace.Count - (int)first];
        for (int i = 0; i < tokens.Length; i++)
        {
            tokens[i] = trace[i + (int)first].Token;
        }

        return tokens;
    }

    public byte[] File(int descriptor) => _machine.File(descriptor);

    /// <summary>What a transformer is given to run the program from its start, or null without one.</summary>
    public Prompt? Prompt => _instructions is null ? null : _machine.Program.Prompt(_files);

    /// <summary>Starts a program with empty files.</summary>
    public void Load(IReadOnlyList<CompactInstruction> instructions)
    {
        _machine.Load(instructions, []);
        _instructions = instructions;
        _text = null;
        _files = NoFiles();
    }

    /// <summary>Starts a program that is given as text; its failures are told with line and column.</summary>
    public void Load(CompactText text)
    {
        try
        {
            Load(text.Instructions);
        }
        catch (EmlException e)
        {
            throw text.Placed(e);
        }

        _text = text;
    }

    /// <summary>Starts the program, which has not executed anything yet, once more with other contents of a file.</summary>
    public void SetFile(int descriptor, byte[] contents)
    {
        if (_instructions is null || _machine.Steps > 0)
        {
            throw new EmlException(ErrorCode.State, _instructions is null
                ? "the machine has no program; load one, then set its files"
                : $"the program has executed {_machine.Steps} instructions; set files after eml_machine_load and before the first instruction");
        }

        if ((uint)descriptor >= InstructionSet.Descriptors)
        {
            throw new EmlException(ErrorCode.Argument, $"file {descriptor} does not exist; files are 0 to {InstructionSet.Descriptors - 1}");
        }

        byte[][] files = (byte[][])_files.Clone();
        files[descriptor] = contents;
        _machine.Load(_instructions, files);
        _files = files;
    }

    /// <summary>Executes at most <paramref name="fuel"/> instructions and gives the status of the call.</summary>
    public int Run(ulong fuel, delegate* unmanaged[Cdecl]<MachineEventStruct*, void*, int> callback, void* user, Cancel? cancel)
    {
        if (State == MachineStates.Halted)
        {
            return Failure.Done;
        }

        int stopValue = 0;
        _machine.Probe = _probes && callback is not null ? _probe : null;
        GenerationStatus status = Generate(fuel is 0 or > long.MaxValue ? long.MaxValue : (long)fuel, callback is null ? null : generated =>
        {
            MachineEventStruct item = ToStruct(generated, _probes);
            stopValue = callback(&item, user);
            return stopValue == 0;
        }, cancel);
        return status switch
        {
            _ when stopValue != 0 => Failure.Stopped(stopValue),
            GenerationStatus.Cancelled => Failure.Stopped(0),
            GenerationStatus.OutOfFuel => Failure.OutOfFuel,
            _ => Failure.Ok,
        };
    }

    /// <summary>Executes one instruction and says all about it; null if the program has halted.</summary>
    public MachineEventStruct? Step()
    {
        if (State == MachineStates.Halted)
        {
            return null;
        }

        GeneratedToken executed = default;
        _machine.Probe = _probe;
        Generate(1, generated =>
        {
            executed = generated;
            return true;
        });
        return ToStruct(executed, withLayers: true);
    }

    private GenerationStatus Generate(long fuel, Func<GeneratedToken, bool>? listener, Cancel? cancel = null)
    {
        try
        {
            return _machine.Run(fuel, listener, cancel);
        }
        catch (EmlException e) when (_text is { } text)
        {
            throw text.Placed(e);
        }
    }

    private static byte[][] NoFiles()
    {
        byte[][] files = new byte[InstructionSet.Descriptors][];
        for (int d = 0; d < files.Length; d++)
        {
            files[d] = [];
        }

        return files;
    }

    private MachineEventStruct ToStruct(GeneratedToken generated, bool withLayers)
    {
        CompactInstruction instruction = _machine.Program.Instructions[generated.Row];
        var item = new MachineEventStruct
        {
            StructSize = (uint)sizeof(MachineEventStruct),
            Row = (uint)generated.Row,
            Step = (ulong)generated.Step,
            Opcode = instruction.Opcode,
            Operand = instruction.Operand ?? InstructionStruct.NoOperand,
            Token = generated.Token,
            IsOutput = generated.IsOutput ? 1 : 0,
        };
        if (withLayers)
        {
            _layers.Show(_probe, ref item);
        }

        return item;
    }

    /// <summary>What a forward pass computed, where the collector does not move it.</summary>
    private sealed class LayerData(TransformerConfig config)
    {
        private readonly double[] _stream = Pinned<double>(((2 * config.Layers) + 1) * config.ModelWidth);
        private readonly double[] _units = Pinned<double>(config.Layers * config.HiddenWidth);
        private readonly long[] _winners = Pinned<long>(HeadsOf(config));
        private readonly double[] _values = Pinned<double>(HeadsOf(config) * config.HeadWidth);

        public void Show(StepProbe probe, ref MachineEventStruct item)
        {
            probe.Stream.CopyTo(_stream, 0);
            probe.Units.CopyTo(_units, 0);
            int heads = 0;
            for (int i = 0; i < probe.Winners.Length; i++)
            {
                probe.Winners[i].CopyTo(_winners, heads);
                probe.HeadValues[i].CopyTo(_values, heads * config.HeadWidth);
                heads += probe.Winners[i].Length;
            }

            item.Layers = (uint)config.Layers;
            item.Heads = (uint)heads;
            item.DModel = (uint)config.ModelWidth;
            item.DFfn = (uint)config.HiddenWidth;
            item.Stream = Address(_stream);
            item.Units = Address(_units);
            item.Winners = Address(_winners);
            item.Values = Address(_values);
        }

        private static int HeadsOf(TransformerConfig config) => config.Heads.Sum(heads => heads.Length);

        private static T[] Pinned<T>(int length) => GC.AllocateArray<T>(length, pinned: true);

        private static T* Address<T>(T[] pinned) where T : unmanaged => (T*)Marshal.UnsafeAddrOfPinnedArrayElement(pinned, 0);
    }
}
