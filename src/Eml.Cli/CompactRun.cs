using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml compact run</c>: executes a program on the interpreter.</summary>
internal static class CompactRun
{
    private sealed record Report(CompactMachine Machine, GenerationStatus Status, double Seconds, bool Dense, bool ShowsTrace);

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Argument<string> program = CompactSource.ProgramArgument();
        Option<string[]> files = CompactSource.FileOption();
        var dense = new Option<bool>("--dense") { Description = "Compute every weight of every matrix: the same tokens, slowly" };
        Option<long> fuel = Fuel();
        var trace = new Option<bool>("--trace") { Description = "Show every executed instruction with its token" };
        var command = new Command("run", "Execute a program, an instruction a token") { program, files, dense, fuel, trace };
        command.SetAction(parse => Run(CompactSource.Read(parse.GetRequiredValue(program), parse.GetValue(files)), parse.GetValue(dense),
            parse.GetValue(fuel), parse.GetValue(trace), parse.GetValue(Arguments.Json)));
        return command;
    }

    /// <summary>How the numbers of bytes are written: "1 2 255", or "-" if there are none.</summary>
    public static string Bytes(IReadOnlyCollection<byte> bytes) => bytes.Count == 0 ? "-" : string.Join(' ', bytes);

    /// <summary>An array of numbers.</summary>
    public static void WriteBytes(Utf8JsonWriter json, IEnumerable<byte> bytes)
    {
        json.WriteStartArray();
        foreach (byte value in bytes)
        {
            json.WriteNumberValue(value);
        }
        json.WriteEndArray();
    }

    /// <summary>The members outputs and files.</summary>
    public static void WriteResults(Utf8JsonWriter json, CompactMachine machine)
    {
        json.WritePropertyName("outputs");
        WriteBytes(json, machine.Output);
        json.WriteStartArray("files");
        for (int d = 0; d < InstructionSet.Descriptors; d++)
        {
            WriteBytes(json, machine.File(d));
        }
        json.WriteEndArray();
    }

    private static int Run(CompactSource source, bool dense, long fuel, bool trace, bool json)
    {
        var machine = new CompactMachine(dense, keepTrace: trace);
        source.Load(machine);
        var clock = Stopwatch.StartNew();
        GenerationStatus status;
        using (var interrupt = new Interrupt())
        {
            try
            {
                status = source.Placed(() => machine.Run(fuel, null, interrupt.Cancel));
            }
            catch (EmlException) when (!json)
            {
                // What it did until then helps to find out why.
                Print(new Report(machine, machine.Status, clock.Elapsed.TotalSeconds, dense, trace));
                throw;
            }
        }
        var report = new Report(machine, status, clock.Elapsed.TotalSeconds, dense, trace);
        if (json)
        {
            Output.Json(o => Write(o, report));
        }
        else
        {
            Print(report);
        }
        if (status == GenerationStatus.OutOfFuel)
        {
            Output.Warn($"stopped after {Output.Count(machine.Steps, "instruction")}, as --fuel says; the program had not ended");
        }
        return status switch
        {
            GenerationStatus.Done => ExitCode.Ok,
            GenerationStatus.Cancelled => ExitCode.Interrupted,
            _ => ExitCode.Failure,
        };
    }

    private static void Print(Report report)
    {
        CompactMachine machine = report.Machine;
        foreach (GeneratedToken generated in machine.Trace)
        {
            Output.Line($"{generated.Step,7}  {machine.Program.Instructions[generated.Row],-16} {CompactTokens.Name(generated.Token)}");
        }
        Output.Field("output", Bytes(machine.Output));
        for (int d = 0; d < InstructionSet.Descriptors; d++)
        {
            if (machine.File(d).Length > 0)
            {
                Output.Field($"file {d}", Bytes(machine.File(d)));
            }
        }
        Output.Field("status", StatusName(report.Status).Replace('_', ' '));
        Output.Field("work", string.Create(CultureInfo.InvariantCulture,
            $"{Output.Count(machine.Steps, "token")} generated, one per instruction, in {report.Seconds:F4} s{(report.Dense ? ", dense" : "")}"));
    }

    private static void Write(Utf8JsonWriter json, Report report)
    {
        CompactMachine machine = report.Machine;
        WriteResults(json, machine);
        json.WriteNumber("steps", machine.Steps);
        json.WriteNumber("prompt_tokens", (2 * machine.Program.Instructions.Length) + 2);
        json.Number("seconds", report.Seconds);
        json.WriteString("status", StatusName(report.Status));
        json.WriteBoolean("dense", report.Dense);
        if (!report.ShowsTrace)
        {
            json.WriteNull("trace");
            return;
        }
        json.WriteStartArray("trace");
        foreach (GeneratedToken generated in machine.Trace)
        {
            json.WriteStartObject();
            json.WriteNumber("step", generated.Step);
            json.WriteNumber("instruction", generated.Row);
            json.WriteString("text", machine.Program.Instructions[generated.Row].ToString());
            json.WriteNumber("token", generated.Token);
            json.WriteString("name", CompactTokens.Name(generated.Token));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static string StatusName(GenerationStatus status) => status switch
    {
        GenerationStatus.Done => "done",
        GenerationStatus.OutOfFuel => "out_of_fuel",
        GenerationStatus.Cancelled => "cancelled",
        _ => "failed",
    };

    private static Option<long> Fuel() => new("--fuel")
    {
        HelpName = "N",
        DefaultValueFactory = _ => long.MaxValue,
        Description = "Execute at most N instructions [default: all]",
        CustomParser = result => Arguments.Unsigned<long>(result, "--fuel"),
    };
}
