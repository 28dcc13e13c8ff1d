using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary>What the process answers its caller.</summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int Failure = 1;
    public const int Usage = 2;
    public const int Interrupted = 130; // 128 + SIGINT, as shells say it
}

/// <summary>The command line <c>eml</c>: finds the verb and turns failures into messages and exit codes.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        StandardStreams.Restore();
        Twin.Become();
        // No @file expansion: a file may be called that.
        ParseResult parse = Root().Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        bool json = args.Contains("--json");
        if (parse.Errors.Count > 0)
        {
            Output.Fail(Misuse(parse), json);
            return ExitCode.Usage;
        }

        try
        {
            return parse.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                Output = Output.Out,
                Error = Output.Error,
            });
        }
        catch (EmlException e)
        {
            Output.Fail(e, json);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Output.Fail(new EmlException(ErrorCode.Io, $"reading or writing failed: {e.Message}"), json);
        }
        catch (OutOfMemoryException)
        {
            Output.Fail(new EmlException(ErrorCode.Memory, "not enough memory; use fewer rows, columns or parameters"), json);
        }

        return ExitCode.Failure;
    }

    private static RootCommand Root()
    {
        var version = new Option<bool>("--version") { Description = "Show the version" };
        var function = new Command("fn", "Learned functions: train, predict, distill, snap, show")
        {
            FnTrain.Create(), FnPredict.Create(), FnDistill.Create(), FnSnap.Create(), FnShow.Create(),
        };
        function.SetAction(parse => new HelpAction().Invoke(parse));
        var attention = new Command("attn", "Attention blocks of learned functions")
        {
            AttnTrain.Create(), AttnForward.Create(), AttnSnap.Create(), AttnShow.Create(), AttnGate.Create(), AttnCompare.Create(),
            AttnBench.Create(), AttnBrowser.Create(),
        };
        attention.SetAction(parse => new HelpAction().Invoke(parse));

        var compact = new Command("compact", "An interpreter whose every instruction is one forward pass of a transformer")
        {
            CompactRun.Create(), CompactRepl.Create(), CompactXray.Create(), CompactExport.Create(), CompactOps.Create(), CompactBench.Create(),
        };
        compact.SetAction(parse => new HelpAction().Invoke(parse));

        var wasm = new Command("wasm", "WebAssembly modules inside a transformer: run, specialize, spectest, export, bench") { WasmRun.Create(), WasmSpecTest.Create(), WasmFiles.Create(), WasmSpecialize.Create(), WasmBench.Create() };
        wasm.SetAction(parse => new HelpAction().Invoke(parse));

        var audit = new Command("audit", "Audit logs of trainings: verify, show") { AuditVerify.Create(), AuditShow.Create() };
        audit.SetAction(parse => new HelpAction().Invoke(parse));

        var formula = new Command("formula", "Closed forms over eml(x, y) = exp(x) - ln(y): find, show, eval") { FormulaFind.Create(), FormulaShow.Create(), FormulaEval.Create() };
        formula.SetAction(parse => new HelpAction().Invoke(parse));

        var root = new RootCommand("Functions that are learned from data, with the same bits on every machine.")
        {
            function, attention, Lm.Create(), compact, wasm, formula, audit, ConvertFile.Create(), Inspect.Create(), Arguments.Json,
        };
        // Ours knows --json, and stands in place of the one that every root command has.
        root.Options.Remove(root.Options.Single(o => o is VersionOption));
        root.Add(version);
        root.SetAction(parse => parse.GetValue(version)
            ? ShowVersion(parse.GetValue(Arguments.Json))
            : new HelpAction().Invoke(parse));
        return root;
    }

    private static EmlException Misuse(ParseResult parse)
    {
        // The parser spreads its lists of choices over several lines.
        IEnumerable<string> messages = parse.Errors.Select(e =>
            string.Join(' ', e.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).TrimEnd('.'));
        string verb = "";
        for (SymbolResult? at = parse.CommandResult; at is CommandResult command; at = command.Parent)
            verb = $"{(command.Command is RootCommand ? "eml" : command.Command.Name)} {verb}";
        return new EmlException(ErrorCode.Argument, $"{string.Join("; ", messages.Distinct())}; see {verb}--help");
    }

    private static int ShowVersion(bool json)
    {
        if (json)
        {
            Output.Json(o =>
            {
                o.WriteString("version", BuildInfo.Version);
                o.WriteString("commit", BuildInfo.Commit);
                o.WriteString("rid", BuildInfo.Rid);
                o.WriteString("isa", BuildInfo.Isa);
                o.WriteString("runtime", $".NET {Environment.Version}");
            });
        }
        else
        {
            Output.Line($"eml {BuildInfo.Version}");
        }

        return ExitCode.Ok;
    }
}
