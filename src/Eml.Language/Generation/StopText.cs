using System.Text;

namespace Eml.Language;

/// <summary>Lets text through until one of some strings appears, and holds back what may be the beginning of one.</summary>
internal sealed class StopText(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();

    /// <summary>Whether one has appeared.</summary>
    public bool IsFound { get; private set; }

    /// <summary>Takes text; gives what is certain to stand before any stop.</summary>
    public string Push(string text)
    {
        if (IsFound || text.Length == 0)
        {
            return "";
        }
        _held.Append(text);
        string held = _held.ToString();
        int end = -1;
        foreach (string stop in stops)
        {
            int at = held.IndexOf(stop, StringComparison.Ordinal);
            end = at >= 0 && (end < 0 || at < end) ? at : end;
        }
        if (end >= 0)
        {
            IsFound = true;
            _held.Clear();
            return held[..end];
        }
        int safe = held.Length - stops.Select(stop => Overlap(held, stop)).DefaultIfEmpty(0).Max();
        _held.Remove(0, safe);
        return held[..safe];
    }

    /// <summary>What was held back and is now known to be text.</summary>
    public string Flush()
    {
        string held = _held.ToString();
        _held.Clear();
        return held;
    }

    /// <summary>How much of the text's end is the beginning of a stop.</summary>
    private static int Overlap(string text, string stop)
    {
        for (int length = Math.Min(text.Length, stop.Length - 1); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
            {
                return length;
            }
        }
        return 0;
    }
}
