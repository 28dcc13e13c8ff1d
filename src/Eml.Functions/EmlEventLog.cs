using System.Collections;

namespace Eml.Functions;

/// <summary>Events in the order in which they happened, taken from the front.</summary>
public sealed class EmlEventLog : IReadOnlyList<EmlEvent>
{
    private readonly List<EmlEvent> _events = [];
    private int _first; // events in front of this one were taken

    /// <summary>Events not yet taken.</summary>
    public int Count => _events.Count - _first;

    /// <summary>The event at a place, 0 the oldest.</summary>
    public EmlEvent this[int index] => _events[_first + index];

    /// <summary>Appends one.</summary>
    public void Add(EmlEvent item) => _events.Add(item);

    /// <summary>Takes the oldest out; the log must not be empty.</summary>
    public EmlEvent Take()
    {
        EmlEvent oldest = this[0];
        _first++;
        if (_first > _events.Count / 2)
        {
            // Moving what is left only when it is the smaller part keeps the cost of an event constant.
            _events.RemoveRange(0, _first);
            _first = 0;
        }

        return oldest;
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        _events.Clear();
        _first = 0;
    }

    /// <inheritdoc/>
    public IEnumerator<EmlEvent> GetEnumerator() => _events.Skip(_first).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
