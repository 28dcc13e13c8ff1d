using System.CommandLine;
using System.Text.Json;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml compact repl</c>: executes what is typed, line by line. Each line is added to the program, which runs from its start
/// again; what ran before is not shown twice.</summary>
internal sealed class CompactRepl
{
    private const string Help = "Instructions are executed at the end of their line, those of a loop at its end_loop. "
        + ":files shows the files, :reset forgets the program, :quit leaves, :help shows this; eml compact ops lists the instructions.";

    private static readonly CompactInstruction s_halt = new((int)Opcode.Halt);

    private readonly byte[][] _files;
    private readonly Utf8JsonWriter? _json;
    private readonly List<CompactInstruction> _program = [];
    private readonly List<CompactInstruction> _pending = [];
    private CompactMachine _machine = NewMachine();
    private long _shown;
    private bool _halted;

    private CompactRepl(byte[][] files, Utf8JsonWriter? json)
    {
        _files = files;
        _json = json;
        Reset();
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Option<string[]> files = CompactSource.FileOption();
        var command = new Command("repl", "Execute instructions as they are typed, showing what each one read") { files };
        command.SetAction(parse =>
        {
            byte[][] contents = CompactSource.ReadFiles(parse.GetValue(files));
            if (parse.GetValue(Arguments.Json))
            {
                Output.Json(o => new CompactRepl(contents, o).Run());
            }
            else
            {
                new CompactRepl(contents, null).Run();
            }
            return ExitCode.Ok;
        });
        return command;
    }

    private int OpenLoops => _pending.Sum(instruction => (Opcode)instruction.Opcode switch { Opcode.Loop => 1, Opcode.EndLoop => -1, _ => 0 });

    private void Run()
    {
        bool asks = !Console.IsInputRedirected && _json is null;
        if (asks)
        {
            Output.Line(Help);
        }
        _json?.WriteStartArray("events");
        for (string? line = Ask(asks); line is not null && line.Trim() != ":quit"; line = Ask(asks))
        {
            try
            {
                Take(line.Trim());
            }
            catch (EmlException e)
            {
                _pending.Clear();
                Tell(e);
            }
        }
        if (_pending.Count > 0)
        {
            Tell(new EmlException(ErrorCode.Argument, $"the input ends inside a loop; {Output.Count(_pending.Count, "instruction")} were not executed: add end_loop"));
        }
        if (_json is { } json)
        {
            json.WriteEndArray();
            CompactRun.WriteResults(json, _machine);
        }
    }

    private string? Ask(bool asks)
    {
        if (asks)
        {
            Output.Out.Write(OpenLoops > 0 ? ".. " : "> ");
        }
        string? line = Console.In.ReadLine();
        if (asks && line is null)
        {
            Output.Line("");
        }
        return line;
    }

    private void Take(string line)
    {
        switch (line)
        {
            case ":help":
                Say(Help);
                break;
            case ":reset":
                Reset();
                Say("the program is empty, the files are as they were at the start");
                break;
            case ":files":
                for (int d = 0; d < InstructionSet.Descriptors; d++)
                {
                    Say($"file {d}: {CompactRun.Bytes(_machine.File(d))}");
                }
                break;
            case [':', ..]:
                throw new EmlException(ErrorCode.Argument, $"{line} is no command; there are :files :reset :quit :help");
            default:
                _pending.AddRange(CompactText.Parse(line).Instructions);
                if (_pending.Count > 0 && OpenLoops <= 0)
                {
                    Execute();
                }
                break;
        }
    }

    private void Reset()
    {
        _program.Clear();
        _pending.Clear();
        _machine = NewMachine();
        _machine.Load([s_halt], _files);
        _shown = 0;
        _halted = false;
    }

    private void Execute()
    {
        if (_halted)
        {
            throw new EmlException(ErrorCode.State, "the program has halted; :reset begins a new one");
        }
        CompactInstruction[] program = [.. _program, .. _pending];
        CompactMachine machine = NewMachine();
        machine.Load([.. program, s_halt], _files);
        var view = new CompactView(machine);
        bool halts = false;
        using var interrupt = new Interrupt();
        GenerationStatus status = machine.Run(long.MaxValue, generated =>
        {
            bool isEnd = generated.Row == program.Length;
            if (generated.Step >= _shown && !isEnd)
            {
                Show(view);
                halts = generated.Token == CompactTokens.Halt;
            }
            return true;
        }, interrupt.Cancel);
        if (status == GenerationStatus.Cancelled)
        {
            throw new EmlException(ErrorCode.State, "interrupted; this line does not count");
        }
        _program.AddRange(_pending);
        _pending.Clear();
        _machine = machine;
        _shown = machine.Steps - (halts ? 0 : 1);
        _halted = halts;
        if (halts)
        {
            Say("the program has halted; :reset begins a new one");
        }
    }

    private void Show(CompactView view)
    {
        List<CompactView.Taken> reads = view.Reads();
        if (_json is { } json)
        {
            json.WriteStartObject();
            json.WriteNumber("step", view.Step.Step);
            json.WriteString("text", view.Instruction.ToString());
            json.WriteNumber("token", view.Step.Token);
            json.WriteString("name", CompactTokens.Name(view.Step.Token));
            json.WriteBoolean("is_output", view.Step.IsOutput);
            json.WriteNumber("stack_depth", view.Depth);
            json.WriteStartArray("reads");
            foreach (CompactView.Taken read in reads)
            {
                json.WriteStartObject();
                json.WriteString("head", read.Head);
                json.Number("value", read.Value);
                json.WriteNumber("position", read.Winner);
                json.WriteString("from", read.From);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
            return;
        }
        string token = CompactTokens.Name(view.Step.Token) + (view.Step.IsOutput ? " (output)" : "");
        string from = string.Join("; ", reads.Select(read => $"{read.Head} = {Output.Exact(read.Value)} from {read.From}"));
        Output.Line($"{view.Step.Step,5}  {view.Instruction,-16} -> {token,-13} stack {view.Depth,-3} {from}".TrimEnd());
    }

    private void Say(string text)
    {
        if (_json is { } json)
        {
            json.WriteStartObject();
            json.WriteString("message", text);
            json.WriteEndObject();
        }
        else
        {
            Output.Line(text);
        }
    }

    private void Tell(EmlException e)
    {
        if (_json is { } json)
        {
            json.WriteStartObject();
            json.WriteString("error", e.Message);
            json.WriteEndObject();
        }
        else
        {
            Output.Fail(e, json: false);
        }
    }

    private static CompactMachine NewMachine() => new(keepTrace: true) { Probe = new StepProbe(CompactMachine.Weights.Config) };
}
