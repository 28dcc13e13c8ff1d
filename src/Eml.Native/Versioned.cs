using System.Runtime.CompilerServices;
using Eml.Numerics;

namespace Eml.Native;

/// <summary>
/// Structs whose first field is their size as the caller compiled it, so that old programs meet new libraries and the
/// other way round.
/// </summary>
internal static unsafe class Versioned
{
    /// <summary>The caller's struct; fields that it lacks keep their defaults. NULL gives the defaults.</summary>
    public static T Read<T>(T* source, T defaults, string what) where T : unmanaged
    {
        if (source is null)
        {
            return defaults;
        }

        uint size = Size(source, what);
        byte* bytes = (byte*)source;
        for (uint i = (uint)sizeof(T); i < size; i++)
        {
            if (bytes[i] != 0)
            {
                throw new EmlException(ErrorCode.Version,
                    $"{what}: byte {i} of {size} is set, but this library knows {sizeof(T)} bytes of it; use a newer libeml or leave the rest zero");
            }
        }

        Unsafe.CopyBlockUnaligned(&defaults, source, Math.Min(size, (uint)sizeof(T)));
        return defaults;
    }

    /// <summary>Fills the caller's struct as far as it goes and zeroes what lies past our own; its size field stays.</summary>
    public static void Write<T>(T* target, T value, string what) where T : unmanaged
    {
        if (target is null)
        {
            throw new EmlException(ErrorCode.Argument, $"{what} is NULL; pass the address of a struct whose struct_size is set");
        }

        Fill(target, value, Size(target, what));
    }

    /// <summary>Refuses a wrong size before the work whose result goes there.</summary>
    public static void Check<T>(T* target, string what) where T : unmanaged => Size(target, what);

    /// <summary>The same for a struct that is being initialised: the size comes beside it.</summary>
    public static void Initialise<T>(T* target, T defaults, uint size, string what) where T : unmanaged
    {
        if (target is null)
        {
            throw new EmlException(ErrorCode.Argument, $"{what} is NULL; pass the address of the struct");
        }

        CheckSize(size, what);
        Fill(target, defaults, size);
    }

    private static void Fill<T>(T* target, T value, uint size) where T : unmanaged
    {
        *(uint*)&value = size;
        Unsafe.CopyBlockUnaligned(target, &value, Math.Min(size, (uint)sizeof(T)));
        if (size > sizeof(T))
        {
            Unsafe.InitBlockUnaligned((byte*)target + sizeof(T), 0, size - (uint)sizeof(T));
        }
    }

    private static uint Size<T>(T* source, string what) where T : unmanaged
    {
        uint size = *(uint*)source;
        CheckSize(size, what);
        return size;
    }

    private static void CheckSize(uint size, string what)
    {
        if (size is < sizeof(uint) or > 1 << 16)
        {
            throw new EmlException(ErrorCode.Version, $"{what}: struct_size is {size}; set it to the struct's sizeof");
        }
    }
}
