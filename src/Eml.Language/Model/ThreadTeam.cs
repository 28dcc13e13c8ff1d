namespace Eml.Language;

/// <summary>Threads that run the same work together and meet often: they wait spinning while work is under way, and asleep between.</summary>
internal sealed class ThreadTeam : IDisposable
{
    /// <summary>Looks at the barrier before the processor is offered to others.</summary>
    private const int Spins = 2000;

    private readonly Action<int> _usual;
    private Action<int> _work;
    private readonly SemaphoreSlim[] _start;
    private readonly CountdownEvent _done;
    private int _arrived;
    private int _round;
    private volatile bool _isOver;
    private Exception? _failure;

    /// <param name="count">Threads, the caller's included.</param>
    /// <param name="work">What each does, given its number.</param>
    public ThreadTeam(int count, Action<int> work)
    {
        Count = count;
        _usual = work;
        _work = work;
        _start = [.. Enumerable.Range(0, count - 1).Select(_ => new SemaphoreSlim(0))];
        _done = new CountdownEvent(1);
        for (int i = 1; i < count; i++)
        {
            int part = i;
            new Thread(() => Serve(part)) { IsBackground = true, Name = "libeml language" }.Start();
        }
    }

    /// <summary>Threads.</summary>
    public int Count { get; }

    /// <summary>Does the work once on all threads.</summary>
    public void Run()
    {
        if (Count == 1)
        {
            _work(0);
            return;
        }
        _done.Reset(Count - 1);
        foreach (SemaphoreSlim start in _start)
        {
            start.Release();
        }
        _work(0);
        _done.Wait();
        if (_failure is Exception failure)
        {
            _failure = null;
            throw new InvalidOperationException("a thread of the language model failed", failure);
        }
    }

    /// <summary>Does other work once on all threads.</summary>
    public void Do(Action<int> work)
    {
        _work = work;
        try
        {
            Run();
        }
        finally
        {
            _work = _usual;
        }
    }

    /// <summary>Returns when all threads are here.</summary>
    public void Meet()
    {
        if (Count == 1)
        {
            return;
        }
        int round = Volatile.Read(ref _round);
        if (Interlocked.Increment(ref _arrived) == Count)
        {
            _arrived = 0;
            Volatile.Write(ref _round, round + 1);
            return;
        }
        for (int i = 0; Volatile.Read(ref _round) == round; i++)
        {
            if (i < Spins)
            {
                Thread.SpinWait(4);
            }
            else
            {
                Thread.Yield();
            }
        }
    }

    public void Dispose()
    {
        if (_isOver)
        {
            return;
        }
        _isOver = true;
        foreach (SemaphoreSlim start in _start)
        {
            start.Release();
        }
    }

    private void Serve(int part)
    {
        while (true)
        {
            _start[part - 1].Wait();
            if (_isOver)
            {
                return;
            }
            try
            {
                _work(part);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _failure = e;
            }
            _done.Signal();
        }
    }
}
