namespace Eml.Formats.Language;

/// <summary>A line that was left out.</summary>
/// <param name="Path">The file, as it was found.</param>
/// <param name="Name">What the file is called in data.json.</param>
/// <param name="Line">From 1 on.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record BadLine(string Path, string Name, long Line, string Reason);

/// <summary>Counts lines that cannot be used, and names the first of them.</summary>
internal sealed class BadLines
{
    private const int Named = 10;

    private readonly List<BadLine> _first = [];

    public long Count { get; private set; }

    public IReadOnlyList<BadLine> First => _first;

    public void Add(CorpusSource source, long line, string reason)
    {
        Count++;
        if (_first.Count < Named)
        {
            _first.Add(new BadLine(source.Path, source.Name, line, reason));
        }
    }
}
