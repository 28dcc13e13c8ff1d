namespace Eml.Functions;

/// <summary>Columns of one stride in one span; slots, if given, say where column c lies.</summary>
internal readonly ref struct ColumnSource(Span<double> data, int stride, ReadOnlySpan<int> slots = default)
{
    private readonly Span<double> _data = data;
    private readonly ReadOnlySpan<int> _slots = slots;

    public Span<double> this[int column] => _data.Slice((_slots.IsEmpty ? column : _slots[column]) * stride, stride);
}
