using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Eml.Machine.Compact;
using Eml.Machine.Transformer;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml compact xray</c>: looks into the transformer while it executes a program, layer by layer.</summary>
internal static class CompactXray
{
    private static int Layers => CompactMachine.Weights.Config.Layers;

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        Argument<string> program = CompactSource.ProgramArgument();
        Option<string[]> files = CompactSource.FileOption();
        var step = new Option<int?>("--step")
        {
            HelpName = "N",
            Description = "Only step N, counted from 0",
            CustomParser = result => Arguments.Unsigned<int>(result, "--step"),
        };
        var command = new Command("xray", "Show what heads, units and channels do in each layer; on a terminal, step by step")
        {
            program, files, step,
        };
        command.SetAction(parse => Run(parse.GetRequiredValue(program), parse.GetValue(files), parse.GetValue(step), parse.GetValue(Arguments.Json)));
        return command;
    }

    private static int Run(string path, string[]? files, int? only, bool json)
    {
        CompactSource source = CompactSource.Read(path, files);
        CompactMachine machine = Start(source);
        if (!json && only is null && path != "-" && !Console.IsInputRedirected)
        {
            return Explore(source, machine);
        }
        using var interrupt = new Interrupt();
        if (!json)
        {
            All(source, machine, only, interrupt.Cancel, Print);
        }
        else
        {
            // A run without a word, so that a failure is the only object.
            All(source, Start(source), only, interrupt.Cancel, _ => { });
            Output.Json(o =>
            {
                o.WriteStartArray("steps");
                All(source, machine, only, interrupt.Cancel, view => Write(o, view));
                o.WriteEndArray();
            });
        }
        return interrupt.Cancel.IsSet ? ExitCode.Interrupted : ExitCode.Ok;
    }

    private static CompactMachine Start(CompactSource source)
    {
        var machine = new CompactMachine(keepTrace: true) { Probe = new StepProbe(CompactMachine.Weights.Config) };
        source.Load(machine);
        return machine;
    }

    private static void All(CompactSource source, CompactMachine machine, int? only, Cancel cancel, Action<CompactView> show)
    {
        var view = new CompactView(machine);
        source.Placed(() => machine.Run(only is int last ? last + 1L : long.MaxValue, generated =>
        {
            if (only is null || generated.Step == only)
            {
                show(view);
            }
            return true;
        }, cancel));
        if (only >= machine.Steps && !cancel.IsSet)
        {
            throw NoStep(only.Value, machine);
        }
    }

    private static EmlException NoStep(int step, CompactMachine machine) =>
        new(ErrorCode.Argument, $"there is no step {step}; the program ends with step {machine.Steps - 1}");

    // ------------------------------------------------------------------------------------------------ on a terminal

    private static int Explore(CompactSource source, CompactMachine machine)
    {
        Output.Line("Enter shows the next layer, n the rest of the step and the next, s N goes to step N, q leaves.");
        var view = new CompactView(machine);
        GoTo(source, ref machine, ref view, 0);
        int layer = 0;
        while (true)
        {
            Output.Out.Write(layer < Layers ? $"step {view.Step.Step}, layer {layer}> " : $"step {view.Step.Step}, end> ");
            string? line = Console.In.ReadLine()?.Trim();
            try
            {
                switch (line)
                {
                    case null:
                        Output.Line("");
                        return ExitCode.Ok;
                    case "q":
                        return ExitCode.Ok;
                    case "" when layer < Layers:
                        Print(CompactLayer.Of(view, layer), layer++);
                        break;
                    case "" or "n":
                        while (line == "n" && layer < Layers)
                        {
                            Print(CompactLayer.Of(view, layer), layer++);
                        }
                        GoTo(source, ref machine, ref view, (int)machine.Steps);
                        layer = 0;
                        break;
                    case ['s', ' ', ..] when int.TryParse(line.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out int step):
                        GoTo(source, ref machine, ref view, step);
                        layer = 0;
                        break;
                    default:
                        Output.Line("Enter: next layer; n: next step; s N: go to step N; q: leave");
                        break;
                }
            }
            catch (EmlException e)
            {
                Output.Fail(e, json: false);
            }
        }
    }

    /// <summary>Executes up to a step, from the start again if it lies behind.</summary>
    private static void GoTo(CompactSource source, ref CompactMachine machine, ref CompactView view, int step)
    {
        if (step < machine.Steps)
        {
            machine = Start(source);
            view = new CompactView(machine);
        }
        CompactMachine running = machine;
        source.Placed(() => running.Run(step + 1L - running.Steps));
        if (step >= machine.Steps)
        {
            throw NoStep(step, machine);
        }
        PrintHead(view);
    }

    // ------------------------------------------------------------------------------------------------ text and JSON

    private static void Print(CompactView view)
    {
        PrintHead(view);
        for (int layer = 0; layer < Layers; layer++)
        {
            Print(CompactLayer.Of(view, layer), layer);
        }
    }

    private static void PrintHead(CompactView view)
    {
        Output.Line($"step {view.Step.Step} at position {view.Position}: given {CompactTokens.Name(view.Given)}, executes instruction " +
            $"{view.Step.Row} ({view.Instruction}), generates {CompactTokens.Name(view.Step.Token)}");
        Output.Line($"  embedded  {Values(CompactLayer.Embedding(view))}");
    }

    private static void Print(CompactLayer layer, int index)
    {
        Output.Line($"  layer {index}");
        foreach (CompactLayer.Head head in layer.Heads)
        {
            Output.Line($"    head    {head.Name}: {Output.Exact(head.First)}, {Output.Exact(head.Second)} ({ModeName(head.Mode)}, {head.From})");
        }
        Print("heads", layer.ByHeads);
        foreach (CompactLayer.Unit unit in layer.Units)
        {
            Output.Line($"    unit    {unit.Name}: {Output.Exact(unit.Value)}");
        }
        Print("units", layer.ByUnits);
    }

    private static void Print(string by, List<CompactLayer.Change> changes)
    {
        foreach (CompactLayer.Change change in changes)
        {
            Output.Line($"    changed {change.Name}: {Output.Exact(change.Before)} -> {Output.Exact(change.After)} (channel {change.Channel}, by {by})");
        }
    }

    private static string Values(List<CompactLayer.Change> changes) =>
        string.Join(", ", changes.Select(change => $"{change.Name} = {Output.Exact(change.After)}"));

    private static void Write(Utf8JsonWriter json, CompactView view)
    {
        json.WriteStartObject();
        json.WriteNumber("step", view.Step.Step);
        json.WriteNumber("position", view.Position);
        json.WriteNumber("given", view.Given);
        json.WriteNumber("instruction", view.Step.Row);
        json.WriteString("text", view.Instruction.ToString());
        json.WriteNumber("token", view.Step.Token);
        json.WriteString("name", CompactTokens.Name(view.Step.Token));
        Write(json, "embedded", CompactLayer.Embedding(view));
        json.WriteStartArray("layers");
        for (int i = 0; i < Layers; i++)
        {
            Write(json, CompactLayer.Of(view, i));
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, CompactLayer layer)
    {
        json.WriteStartObject();
        json.WriteStartArray("heads");
        foreach (CompactLayer.Head head in layer.Heads)
        {
            json.WriteStartObject();
            json.WriteString("name", head.Name);
            json.WriteString("mode", ModeName(head.Mode));
            json.WriteNumber("winner", head.Winner);
            json.WriteString("from", head.From);
            json.WriteStartArray("values");
            json.Number(head.First);
            json.Number(head.Second);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        Write(json, "changed_by_heads", layer.ByHeads);
        json.WriteStartArray("units");
        foreach (CompactLayer.Unit unit in layer.Units)
        {
            json.WriteStartObject();
            json.WriteString("name", unit.Name);
            json.Number("value", unit.Value);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        Write(json, "changed_by_units", layer.ByUnits);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, List<CompactLayer.Change> changes)
    {
        json.WriteStartArray(name);
        foreach (CompactLayer.Change change in changes)
        {
            json.WriteStartObject();
            json.WriteNumber("channel", change.Channel);
            json.WriteString("name", change.Name);
            json.Number("before", change.Before);
            json.Number("after", change.After);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static string ModeName(HeadMode mode) => mode switch
    {
        HeadMode.Sum => "sum",
        HeadMode.Cross => "cross",
        _ => "hard_max",
    };
}
