using System.Text;
using Eml.Language;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>A language model's session behind a handle, with what the ABI adds: a listener that can stop the work, and the last
/// generation.</summary>
internal sealed unsafe class LanguageSessionBox(LanguageBox model, int threads) : IDisposable
{
    private readonly Dictionary<string, byte[]> _parts = [];
    private Cancel? _stop; // of the work that the listener sees
    private int _stopValue;

    public LanguageBox Model { get; } = model;

    public LanguageSession Session { get; } = new(model.Weights, threads);

    /// <summary>Tokens of the last generation.</summary>
    public int[] Tokens { get; private set; } = [];

    /// <summary>Text of the last generation.</summary>
    public string Text { get; private set; } = "";

    public void SetListener(delegate* unmanaged[Cdecl]<byte*, float*, ulong, ulong, void*, int> listener, void* user)
    {
        if (listener is null)
        {
            Session.Listener = null;
            return;
        }

        ulong width = (ulong)Model.Weights.Config.ModelWidth;
        Session.Listener = (part, rows) =>
        {
            if (_stopValue != 0)
            {
                return; // until the work has noticed
            }

            fixed (float* numbers = rows)
            {
                _stopValue = listener(LibraryExports.Address(Part(part)), numbers, (ulong)rows.Length / width, width, user);
            }

            if (_stopValue != 0)
            {
                _stop!.Set();
            }
        };
    }

    /// <summary>Runs work that says whether it was done, and gives the status of the ABI.</summary>
    public int Run(Cancel? cancel, Func<Cancel?, bool> work)
    {
        Begin(cancel);
        return work(_stop) && _stopValue == 0 ? Failure.Ok : Failure.Stopped(_stopValue);
    }

    /// <summary>Generates, and keeps what was generated.</summary>
    public int Generate(ReadOnlySpan<int> prompt, GenerateOptionsStruct options, GenerationStruct* result)
    {
        GenerationOptions wanted = Wanted(options);
        Begin(CancelExports.GetOrNull(options.Cancel));
        ulong index = 0;
        Generation made = TextGenerator.Run(Session, Model.Tokenizer, prompt, wanted, token =>
        {
            _stopValue = options.Token is null || _stopValue != 0 ? _stopValue : Tell(token, index++, options);
            return _stopValue == 0;
        }, _stop);
        Tokens = [.. made.Tokens];
        Text = made.Text;
        GenerationEnd end = _stopValue != 0 ? GenerationEnd.Listener : made.End;
        if (result is not null)
        {
            Versioned.Write(result, new GenerationStruct
            {
                End = (int)end,
                Tokens = (ulong)Tokens.Length,
                TextLength = (ulong)Encoding.UTF8.GetByteCount(Text),
                LogProbability = made.LogProbability,
            }, "out");
        }

        return end is GenerationEnd.Cancelled or GenerationEnd.Listener ? Failure.Stopped(_stopValue) : Failure.Ok;
    }

    public void Dispose() => Session.Dispose();

    private void Begin(Cancel? cancel)
    {
        _stopValue = 0;
        _stop = Session.Listener is null ? cancel : new Cancel(cancel);
    }

    private static int Tell(GeneratedToken token, ulong index, GenerateOptionsStruct options)
    {
        byte[] text = Failure.Pin(token.Text);
        var report = new LanguageTokenStruct
        {
            StructSize = (uint)sizeof(LanguageTokenStruct),
            Id = token.Id,
            Text = LibraryExports.Address(text),
            TextLength = (ulong)text.Length - 1,
            LogProbability = token.LogProbability,
            Index = index,
        };
        int answer = options.Token(&report, options.User);
        GC.KeepAlive(text);
        return answer;
    }

    private static GenerationOptions Wanted(GenerateOptionsStruct o) => new()
    {
        MaxTokens = Arguments.Count(o.MaxTokens, "options.max_tokens"),
        Sampler = new SamplerOptions
        {
            Temperature = (float)o.Temperature,
            TopK = Arguments.Count(o.TopK, "options.top_k"),
            TopP = (float)o.TopP,
            MinP = (float)o.MinP,
            RepetitionPenalty = (float)o.RepetitionPenalty,
            Seed = o.Seed,
        },
        StopTokens = Arguments.Array(o.StopTokens, o.StopTokenCount, "options.stop_tokens").ToArray(),
        StopTexts = Arguments.Texts(o.StopTexts, o.StopTextCount, "options.stop_texts"),
    };

    private byte[] Part(string name)
    {
        if (!_parts.TryGetValue(name, out byte[]? pinned))
        {
            pinned = Failure.Pin(name);
            _parts.Add(name, pinned);
        }

        return pinned;
    }
}
