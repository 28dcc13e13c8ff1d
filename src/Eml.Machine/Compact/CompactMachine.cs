using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Machine.Compact;

/// <summary>The compact interpreter at work: it takes a program and files and executes one instruction per forward pass.</summary>
public sealed class CompactMachine
{
    private static readonly Lazy<TransformerWeights> s_weights = new(CompactInterpreter.Compile);

    private readonly Engine _engine;
    private readonly List<byte> _output = [];
    private readonly List<GeneratedToken>? _trace;
    private CompactProgram? _program;
    private Generator? _generator;

    /// <summary>A machine without a program.</summary>
    /// <param name="dense">Run on the dense reference instead of the fast path: the same tokens, slowly.</param>
    /// <param name="keepTrace">Keep every generated token in <see cref="Trace"/>.</param>
    public CompactMachine(bool dense = false, bool keepTrace = false)
    {
        _engine = dense ? new DenseEngine(Weights) : new FastEngine(Weights);
        _trace = keepTrace ? [] : null;
    }

    /// <summary>The weights, compiled once for all machines.</summary>
    public static TransformerWeights Weights => s_weights.Value;

    /// <summary>The loaded program.</summary>
    public CompactProgram Program => _program ?? throw NoProgram();

    /// <summary>What the program put out so far.</summary>
    public IReadOnlyList<byte> Output => _output;

    /// <summary>All generated tokens so far, if they are kept; else empty.</summary>
    public IReadOnlyList<GeneratedToken> Trace => _trace ?? [];

    /// <summary>Instructions executed so far, which is the number of generated tokens.</summary>
    public long Steps => _generator?.Steps ?? 0;

    /// <summary>How the run stands.</summary>
    public GenerationStatus Status => (_generator ?? throw NoProgram()).Status;

    /// <summary>Bytes that the run holds besides the weights.</summary>
    public long StateBytes => _engine.StateBytes;

    /// <summary>Where each forward pass leaves what it computed, or null.</summary>
    public StepProbe? Probe
    {
        get => _engine.Probe;
        set => _engine.Probe = value;
    }

    /// <summary>Checks a program and puts it at its start, with these contents of the files 0, 1, … (at most 4 of at most 32 bytes).</summary>
    /// <exception cref="EmlException">The program or the files are refused; the message says which instruction and why. What was loaded
    /// before stays.</exception>
    public void Load(IReadOnlyList<CompactInstruction> instructions, IReadOnlyList<byte[]> files)
    {
        var program = new CompactProgram(instructions);
        _generator = new Generator(_engine, program.Prompt(files));
        _program = program;
        _output.Clear();
        _trace?.Clear();
    }

    /// <summary>Executes at most <paramref name="fuel"/> instructions. <paramref name="listener"/> sees each of them and stops the run by
    /// returning false; the run can then go on.</summary>
    /// <exception cref="EmlException"><see cref="ErrorCode.State"/>: no program. <see cref="ErrorCode.Limit"/>: a loop ran
    /// more often than 256 times, or a file is full.</exception>
    public GenerationStatus Run(long fuel, Func<GeneratedToken, bool>? listener = null, Cancel? cancel = null)
    {
        Generator generator = _generator ?? throw NoProgram();
        GenerationStatus status = generator.Run(fuel, generated =>
        {
            if (generated.IsOutput)
            {
                _output.Add((byte)generated.Token);
            }
            _trace?.Add(generated);
            return listener is null || listener(generated);
        }, cancel);
        return status switch
        {
            GenerationStatus.TakenTooOften => throw new EmlException(ErrorCode.Limit,
                $"{At(generator)} goes back for the {InstructionSet.IterationLimit}th time; the body of a loop runs at most {InstructionSet.IterationLimit} times", generator.Row),
            GenerationStatus.StoreFull => throw new EmlException(ErrorCode.Limit,
                $"{At(generator)} writes more than {InstructionSet.FileLimit} bytes to a file; a file holds {InstructionSet.FileLimit}", generator.Row),
            _ => status,
        };
    }

    /// <summary>The contents of file <paramref name="descriptor"/>, 0 to 3.</summary>
    public byte[] File(int descriptor)
    {
        Generator generator = _generator ?? throw NoProgram();
        if ((uint)descriptor >= InstructionSet.Descriptors)
        {
            throw new EmlException(ErrorCode.Argument, $"file {descriptor} does not exist; files are 0 to {InstructionSet.Descriptors - 1}");
        }
        byte[] bytes = new byte[generator.Store(descriptor).Length];
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)generator.Store(descriptor)[i];
        }
        return bytes;
    }

    private string At(Generator generator) =>
        $"instruction {generator.Row} ({Program.Instructions[generator.Row]}), step {generator.Steps - 1},";

    private static EmlException NoProgram() => new(ErrorCode.State, "the machine has no program; load one first");
}
