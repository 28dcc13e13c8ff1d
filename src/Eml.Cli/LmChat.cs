using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Cli;

/// <summary><c>eml lm chat</c>: the model goes on where the user stops, line by line.</summary>
internal sealed class LmChat : IDisposable
{
    private const string Help = "The model continues what you type, up to an empty line. /reset forgets the conversation, /seed N and /temperature T "
        + "set the sampling, /help shows this. Ctrl-C stops an answer, Ctrl-D ends.";

    private readonly LmModel _model;
    private readonly LanguageSession _session;
    private readonly Utf8JsonWriter? _json;

    /// <summary>What was said, a line of the user and the answer to it each.</summary>
    private readonly List<List<int>> _turns = [];
    private GenerationOptions _options;
    private ulong _answers;

    private LmChat(LmModel model, GenerationOptions options, int threads, Utf8JsonWriter? json)
    {
        _model = model;
        _options = options;
        _json = json;
        _session = new LanguageSession(model.Weights, threads);
    }

    /// <summary>The verb.</summary>
    public static Command Create()
    {
        var open = new LmModel.Options();
        var sampling = new LmSampling(128);
        Command command = open.Verb("chat", "A conversation: the model continues what is typed; the history stays within the model's context");
        sampling.AddTo(command);
        command.SetAction(parse =>
        {
            LmModel model = open.Load(parse);
            GenerationOptions options = sampling.Read(parse, model.Bos);
            options = options with { StopTexts = options.StopTexts.Count > 0 ? options.StopTexts : ["\n\n"] };
            int threads = open.Threads(parse);
            if (parse.GetValue(Arguments.Json))
            {
                Output.Json(o =>
                {
                    using var chat = new LmChat(model, options, threads, o);
                    o.WriteStartArray("turns");
                    chat.Run();
                    o.WriteEndArray();
                });
            }
            else
            {
                using var chat = new LmChat(model, options, threads, null);
                chat.Run();
            }
            return ExitCode.Ok;
        });
        return command;
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();

    private int Context => _model.Weights.Config.SequenceLength;

    private void Run()
    {
        bool asks = !Console.IsInputRedirected && _json is null;
        TextReader input = Console.IsInputRedirected ? new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false)) : Console.In;
        if (asks)
        {
            Output.Line(Help);
        }
        while (true)
        {
            if (asks)
            {
                Output.Text("> ");
            }
            if (input.ReadLine() is not { } line)
            {
                break;
            }
            try
            {
                Take(line);
            }
            catch (EmlException e)
            {
                Tell(e);
            }
        }
        if (asks)
        {
            Output.Text("\n");
        }
    }

    private void Take(string line)
    {
        if (!line.StartsWith('/'))
        {
            Answer(line);
            return;
        }
        string[] words = line.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string value = words.Length > 1 ? words[1] : "";
        SamplerOptions sampler = _options.Sampler;
        switch (words[0])
        {
            case "/help":
                Say(Help);
                return;
            case "/reset":
                _turns.Clear();
                _session.Reset();
                _answers = 0;
                Say("the conversation begins anew");
                return;
            case "/seed":
                sampler = ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
                    ? sampler with { Seed = seed } : throw Wrong(words[0], value, $"a whole number from 0 to {ulong.MaxValue}");
                _answers = 0;
                break;
            case "/temperature":
                sampler = float.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out float temperature)
                    ? sampler with { Temperature = temperature } : throw Wrong(words[0], value, "a number from 0 to 100");
                break;
            default:
                throw new EmlException(ErrorCode.Argument, $"{words[0]} is no command; there are /reset, /seed N, /temperature T, /help");
        }
        sampler.Check();
        _options = _options with { Sampler = sampler };
        Say(string.Create(CultureInfo.InvariantCulture, $"seed {sampler.Seed}, temperature {sampler.Temperature}"));
    }

    private void Answer(string line)
    {
        List<int> said = [.. _model.Required.Encode(line + "\n")];
        int room = Context - 1 - said.Count;
        if (room < 1)
        {
            throw new EmlException(ErrorCode.Limit, string.Create(CultureInfo.InvariantCulture,
                $"the line has {said.Count} tokens; the model's context has {Context}, of which one begins the text and one is for the answer; say it in fewer words"));
        }
        if (_turns.Count > 0)
        {
            // The answer ended somewhere in its line.
            _turns[^1].AddRange(_model.Required.Encode("\n"));
        }
        int dropped = 0;
        while (_turns.Count > 0 && 1 + _turns.Sum(turn => turn.Count) + said.Count + Math.Min(_options.MaxTokens, room) > Context)
        {
            _turns.RemoveAt(0);
            dropped++;
        }
        if (dropped > 0)
        {
            _session.Reset();
        }
        _turns.Add(said);
        int[] all = [_model.Bos, .. _turns.SelectMany(turn => turn)];
        // What the session has not read yet: all after a reset, otherwise the end of the last answer and this line.
        ReadOnlySpan<int> prompt = all.AsSpan((int)_session.Position);
        // Each answer has chances of its own, and the same conversation gives the same answers.
        GenerationOptions options = _options with
        {
            MaxTokens = Math.Min(_options.MaxTokens, room),
            Sampler = _options.Sampler with { Seed = unchecked(_options.Sampler.Seed + _answers++) },
        };
        using var interrupt = new Interrupt();
        int shown = 0;
        Generation made = TextGenerator.Run(_session, _model.Required, prompt, options, token =>
        {
            shown += token.Text.Length;
            if (_json is null)
            {
                Output.Text(token.Text);
            }
            return true;
        }, interrupt.Cancel);
        said.AddRange(made.Tokens);
        Show(line, made, prompt.Length, dropped, shown);
    }

    private void Show(string line, Generation made, int read, int dropped, int shown)
    {
        if (_json is not { } json)
        {
            Output.Text($"{made.Text[shown..]}{(made.End == GenerationEnd.Cancelled ? " …" : "")}\n");
            return;
        }
        json.WriteStartObject();
        json.WriteString("user", line);
        json.WriteString("text", made.Text);
        json.WriteNumber("tokens", made.Tokens.Count);
        json.WriteNumber("read_tokens", read);
        json.WriteNumber("dropped_turns", dropped);
        json.WriteNumber("history_tokens", 1 + _turns.Sum(turn => turn.Count));
        json.Number("log_probability", made.LogProbability);
        json.WriteString("end", LmSampling.Name(made.End));
        json.WriteEndObject();
        json.Flush();
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

    private static EmlException Wrong(string command, string value, string wanted) =>
        new(ErrorCode.Argument, $"{command} '{value}': give {wanted}");
}
