using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace Eml.Formats.Language;

/// <summary>A file of weights: its bytes in memory, or mapped. Pieces of it can be handed out, and stay valid as long as anybody has them.</summary>
internal sealed class LanguageBytes
{
    private readonly ReadOnlyMemory<byte> _memory;
    private readonly MappedFile? _mapped;

    public LanguageBytes(ReadOnlyMemory<byte> memory)
    {
        _memory = memory;
        Length = memory.Length;
    }

    private LanguageBytes(MappedFile mapped)
    {
        _mapped = mapped;
        Length = mapped.Length;
    }

    public long Length { get; }

    /// <summary>The file's first bytes: all of it, unless it is longer than a span can be.</summary>
    public ReadOnlySpan<byte> Start => Slice(0, (int)Math.Min(Length, Array.MaxLength)).Span;

    /// <summary>A file's bytes, read or mapped. What cannot be mapped, like a pipe, is read.</summary>
    public static LanguageBytes Open(string path, bool mapped) =>
        mapped && AtomicFile.Guard(path, "map", () => MappedFile.Open(path)) is { } file ? new LanguageBytes(file)
            : new LanguageBytes(AtomicFile.Read(path, Array.MaxLength));

    /// <summary>A piece, which the caller knows to be inside.</summary>
    public ReadOnlyMemory<byte> Slice(long start, int length) =>
        _mapped is null ? _memory.Slice((int)start, length) : length == 0 ? default : new MappedPiece(_mapped, start, length).Memory;

    /// <summary>A mapping, which ends when nobody refers to it any more.</summary>
    private sealed unsafe class MappedFile
    {
        private readonly MemoryMappedViewAccessor _view;
        private readonly byte* _start;

        private MappedFile(MemoryMappedViewAccessor view, long length)
        {
            _view = view;
            Length = length;
            byte* start = null;
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            _start = start + view.PointerOffset;
            // The handle unmaps when it is finalised, which it would not be while the pointer counts as acquired.
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }

        public long Length { get; }

        public byte* Start
        {
            get
            {
                GC.KeepAlive(_view);
                return _start;
            }
        }

        public static MappedFile? Open(string path)
        {
            if (Directory.Exists(path))
            {
                return null; // reading it says so
            }
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (!file.CanSeek || file.Length == 0)
            {
                return null;
            }
            using MemoryMappedFile mapping = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(mapping.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read), file.Length);
        }
    }

    private sealed unsafe class MappedPiece(MappedFile file, long start, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(file.Start + start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(file.Start + start + elementIndex, default, this);

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
