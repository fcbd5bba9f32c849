// A chunk of steps of the mLSTM. Equations: cells/matrix.py, cells/chunk_attention.py.
#pragma once

#include "grid.h"
#include "loop.h"
#include "vectors.h"

// A few steps more than asked cost less than the last ones one by one.
inline int64_t whole_vectors(int64_t count, int64_t most) {
    return std::min(most, (count + 15) / 16 * 16);
}

// Of one row and head. Keys, values and queries (steps x size), memory (keys x values).
template <class T>
struct MatrixGrids {
    Grid<T> query, key, value, turned, memory, scores, read, scaled;
    std::vector<T> count, enter, leave;  // the memory's last column, as n in the paper; weights

    MatrixGrids(int64_t steps, int64_t size)
        : query(steps, size), key(steps, size), value(steps, size),
          turned(size, std::max(steps, size)), memory(size, size), scores(steps, steps),
          read(steps, size), scaled(steps, size), count(size), enter(steps), leave(steps) {}

    // Memories come with their last column: values (size x size + 1).
    void take_memory(const T* from, int64_t size) {
        memory.fill(size, size, [&](int64_t i) { return from + i * (size + 1); });
        for (int64_t i = 0; i < size; ++i) count[i] = from[i * (size + 1) + size];
    }

    void give_memory(T* to, int64_t size) {
        for (int64_t i = 0; i < size; ++i) {
            std::copy_n(memory[i], size, to + i * (size + 1));
            to[i * (size + 1) + size] = count[i];
        }
    }

    // Weights of the steps as of the end, and of the memory before as of each step.
    void weigh(int64_t steps, const T* weight, const T* top, T before) {
        const T last = top[steps - 1];
        EACH for (int64_t t = 0; t < steps; ++t) {
            enter[t] = exponential(weight[t] - last);
            leave[t] = exponential(before - top[t]);
        }
    }
};

// What was read, in place to zero mean and unit variance; gives 1 / standard deviation.
template <class T>
T normalise(T* read, int64_t size) {
    const T mean = total(read, size) / size;
    EACH for (int64_t j = 0; j < size; ++j) read[j] -= mean;
    const T scale = 1 / std::sqrt(dot(read, read, size) / size + T(1e-5));
    EACH for (int64_t j = 0; j < size; ++j) read[j] *= scale;
    return scale;
}

// Arrays (batch, steps, heads * size) or (batch, heads, ...), a chunk being one step of the loop.
template <class T>
struct MatrixForward {
    const int64_t steps, heads, size;
    Steps<const T> query, key, value, output, weight, top, before, memory_before, bound;
    Steps<T> states, memory, read, count;
    std::vector<MatrixGrids<T>> grids;  // one for each thread

    MatrixForward(const int64_t* sizes, const Array* a)
        : steps(sizes[OWN]), heads(sizes[OWN + 1]), size(sizes[OWN + 2]), query(a[0]), key(a[1]),
          value(a[2]), output(a[3]), weight(a[4]), top(a[5]), before(a[6]), memory_before(a[7]),
          bound(a[8]), states(a[9]), memory(a[10]), read(a[11]), count(a[12]),
          grids(sizes[THREADS], MatrixGrids<T>(steps, size)) {}

    void step(Part part, int64_t) {
        for (int64_t r = part.begin; r < part.end; ++r)
            for (int64_t head = 0; head < heads; ++head) attend(r, head, grids[part.thread]);
    }

    void attend(int64_t r, int64_t head, MatrixGrids<T>& of) {
        using G = Grid<T>;
        auto head_of = [&](const Steps<const T>& all) {
            return [&all, r, at = head * size](int64_t t) { return all.at(r, t) + at; };
        };
        auto q = head_of(query), k = head_of(key);
        const T *w = weight.at(r, head), *m = top.at(r, head);
        of.query.fill(steps, size, q);
        of.value.fill(steps, size, head_of(value));
        of.turned.fill_transposed(size, steps, k);
        of.take_memory(memory_before.at(r, head), size);
        of.weigh(steps, w, m, *before.at(r, head));

        of.scores.product(
            G::OUT_TO_DIAGONAL, steps, steps, size, of.query.left(), of.turned, false);
        for (int64_t t = 0; t < steps; ++t) {
            T* row = of.scores[t];
            const int64_t end = whole_vectors(t + 1, steps);
            EACH for (int64_t s = 0; s < end; ++s) row[s] *= exponential(w[s] - m[t]);
            std::fill(row + t + 1, row + steps, T(0));
            T* query_now = of.query[t];
            EACH for (int64_t j = 0; j < size; ++j) query_now[j] *= of.leave[t];
            count.at(r, t)[head] = total(row, end) + dot(query_now, of.count.data(), size);
        }
        of.read.product(
            G::LEFT_TO_DIAGONAL, steps, size, steps, of.scores.left(), of.value, false);
        of.read.product(G::FULL, steps, size, size, of.query.left(), of.memory, true);
        for (int64_t t = 0; t < steps; ++t) {
            T* row = of.read[t];
            std::copy_n(row, size, read.at(r, t) + head * size);
            const T whole = std::max(std::abs(count.at(r, t)[head]), bound.at(r, head)[t]);
            EACH for (int64_t j = 0; j < size; ++j) row[j] /= whole + T(1e-6);
            normalise(row, size);
            const T* gate = output.at(r, t) + head * size;
            T* state = states.at(r, t) + head * size;
            EACH for (int64_t j = 0; j < size; ++j) state[j] = sigmoid(gate[j]) * row[j];
        }

        const T last = of.leave[steps - 1];  // what is left of the memory before
        for (int64_t i = 0; i < size; ++i) {
            of.count[i] *= last;
            T* row = of.memory[i];
            EACH for (int64_t j = 0; j < size; ++j) row[j] *= last;
        }
        for (int64_t t = 0; t < steps; ++t) {
            std::fill_n(of.scaled[t], size, T(0));
            add(k(t), size, of.scaled[t], of.enter[t]);
            add(of.scaled[t], size, of.count.data());
        }
        of.memory.product(G::FULL, size, size, steps, of.scaled.transposed(), of.value, true);
        of.give_memory(memory.at(r, head), size);
    }
};

template <class T>
struct MatrixBackward {
    const int64_t steps, heads, size;
    Steps<const T> query, key, value, output, weight, top, before, memory_before, bound;
    Steps<const T> memory, read, count, d_states, d_memory;
    Steps<T> d_query, d_key, d_value, d_output, d_weight, d_top, d_before, d_memory_before, d_bound;
    std::vector<MatrixGrids<T>> grids, gradients;

    MatrixBackward(const int64_t* sizes, const Array* a)
        : steps(sizes[OWN]), heads(sizes[OWN + 1]), size(sizes[OWN + 2]), query(a[0]), key(a[1]),
          value(a[2]), output(a[3]), weight(a[4]), top(a[5]), before(a[6]), memory_before(a[7]),
          bound(a[8]), memory(a[9]), read(a[10]), count(a[11]), d_states(a[12]), d_memory(a[13]),
          d_query(a[14]), d_key(a[15]), d_value(a[16]), d_output(a[17]), d_weight(a[18]),
          d_top(a[19]), d_before(a[20]), d_memory_before(a[21]), d_bound(a[22]),
          grids(sizes[THREADS], MatrixGrids<T>(steps, size)), gradients(grids) {}

    void step(Part part, int64_t) {
        for (int64_t r = part.begin; r < part.end; ++r)
            for (int64_t head = 0; head < heads; ++head)
                attend(r, head, grids[part.thread], gradients[part.thread]);
    }

    void attend(int64_t r, int64_t head, MatrixGrids<T>& of, MatrixGrids<T>& d) {
        using G = Grid<T>;
        auto head_of = [&](const Steps<const T>& all) {
            return [&all, r, at = head * size](int64_t t) { return all.at(r, t) + at; };
        };
        const T *w = weight.at(r, head), *m = top.at(r, head);
        of.query.fill(steps, size, head_of(query));
        of.key.fill(steps, size, head_of(key));
        of.value.fill(steps, size, head_of(value));
        of.take_memory(memory_before.at(r, head), size);
        of.weigh(steps, w, m, *before.at(r, head));
        for (int64_t t = 0; t < steps; ++t) read_gradient(r, head, t, d);
        d.take_memory(d_memory.at(r, head), size);

        // Scores once more; and by them, values, the last of which is 1.
        of.turned.fill_transposed(size, steps, head_of(key));
        of.scores.product(
            G::OUT_TO_DIAGONAL, steps, steps, size, of.query.left(), of.turned, false);
        of.turned.fill_transposed(size, steps, head_of(value));
        d.scores.product(
            G::OUT_TO_DIAGONAL, steps, steps, size, d.read.left(), of.turned, false);
        T* d_w = d_weight.at(r, head);
        std::fill_n(d_w, steps, T(0));
        for (int64_t t = 0; t < steps; ++t) {
            T *row = of.scores[t], *d_row = d.scores[t];
            const T d_one = d.leave[t];
            const int64_t end = whole_vectors(t + 1, steps);
            EACH for (int64_t s = 0; s < end; ++s) {
                const T decay = exponential(w[s] - m[t]);
                row[s] *= decay;
                d_row[s] = (d_row[s] + d_one) * decay;
            }
            std::fill(row + t + 1, row + steps, T(0));
            std::fill(d_row + t + 1, d_row + steps, T(0));
            EACH for (int64_t s = 0; s < end; ++s) d_w[s] += row[s] * d_one;
        }
        d.value.product(
            G::LEFT_FROM_DIAGONAL, steps, size, steps, of.scores.transposed(), d.read, false);
        scale(of.key, of.enter, of.scaled);
        d.value.product(G::FULL, steps, size, size, of.scaled.left(), d.memory, true);
        for (int64_t t = 0; t < steps; ++t)
            d_w[t] += dot(d.value[t], of.value[t], size) +
                      dot(of.scaled[t], d.count.data(), size);

        // Keys, by scores and by the memory after.
        d.key.product(
            G::LEFT_FROM_DIAGONAL, steps, size, steps, d.scores.transposed(), of.query, false);
        of.turned.fill_transposed(size, size, [&](int64_t i) { return d.memory[i]; });
        scale(of.value, of.enter, of.scaled);
        d.key.product(G::FULL, steps, size, size, of.scaled.left(), of.turned, true);
        for (int64_t t = 0; t < steps; ++t) add(d.count.data(), size, d.key[t], of.enter[t]);

        // Queries, by scores and by the memory before.
        d.query.product(
            G::LEFT_TO_DIAGONAL, steps, size, steps, d.scores.left(), of.key, false);
        of.turned.fill_transposed(size, size, [&](int64_t i) { return of.memory[i]; });
        scale(d.read, of.leave, of.scaled);
        d.query.product(G::FULL, steps, size, size, of.scaled.left(), of.turned, true);
        for (int64_t t = 0; t < steps; ++t)
            add(of.count.data(), size, d.query[t], of.leave[t] * d.leave[t]);

        // What is read is divided by exp(top), the memory after by exp(top of the last step).
        T* d_m = d_top.at(r, head);
        for (int64_t t = 0; t < steps; ++t)
            d_m[t] = -dot(d.read[t], head_of(read)(t), size) - d.leave[t] * count.at(r, t)[head];
        d_m[steps - 1] -= dot(memory.at(r, head), d_memory.at(r, head), size * (size + 1));

        // The memory before.
        const T last = of.leave[steps - 1];
        for (int64_t i = 0; i < size; ++i) {
            d.count[i] *= last;
            T* row = d.memory[i];
            EACH for (int64_t j = 0; j < size; ++j) row[j] *= last;
        }
        d.memory.product(G::FULL, size, size, steps, of.query.transposed(), of.scaled, true);
        for (int64_t t = 0; t < steps; ++t)
            add(of.query[t], size, d.count.data(), of.leave[t] * d.leave[t]);
        d.give_memory(d_memory_before.at(r, head), size);
        *d_before.at(r, head) = dot(
            memory_before.at(r, head), d_memory_before.at(r, head), size * (size + 1));
        for (int64_t t = 0; t < steps; ++t) {
            std::copy_n(d.query[t], size, d_query.at(r, t) + head * size);
            std::copy_n(d.key[t], size, d_key.at(r, t) + head * size);
            std::copy_n(d.value[t], size, d_value.at(r, t) + head * size);
        }
    }

    // From a state's gradient to that of what was read and of its count, which d.leave takes.
    void read_gradient(int64_t r, int64_t head, int64_t t, MatrixGrids<T>& d) {
        const int64_t at = head * size;
        const T *gate = output.at(r, t) + at, *d_state = d_states.at(r, t) + at;
        T *d_gate = d_output.at(r, t) + at, *d_row = d.read[t], *row = d.scaled[t];
        const T counted = count.at(r, t)[head], least = bound.at(r, head)[t];
        const T whole = std::max(std::abs(counted), least) + T(1e-6);
        const T* was_read = read.at(r, t) + at;
        EACH for (int64_t j = 0; j < size; ++j) row[j] = was_read[j] / whole;
        const T spread = normalise(row, size);
        EACH for (int64_t j = 0; j < size; ++j) {
            const T open = sigmoid(gate[j]);
            d_gate[j] = d_state[j] * row[j] * open * (1 - open);
            d_row[j] = d_state[j] * open;
        }
        const T mean = total(d_row, size) / size, along = dot(d_row, row, size) / size;
        EACH for (int64_t j = 0; j < size; ++j)
            d_row[j] = spread / whole * (d_row[j] - mean - along * row[j]);
        const T d_whole = -dot(d_row, was_read, size) / whole;
        const bool is_counted = std::abs(counted) > least;
        d.leave[t] = is_counted ? (counted < 0 ? -d_whole : d_whole) : T(0);
        d_bound.at(r, head)[t] = is_counted ? T(0) : d_whole;
    }

    void scale(Grid<T>& from, const std::vector<T>& by, Grid<T>& to) {
        for (int64_t t = 0; t < steps; ++t) {
            const T *row = from[t], times = by[t];
            T* out = to[t];
            EACH for (int64_t j = 0; j < size; ++j) out[j] = times * row[j];
        }
    }
};

EXPORT(matrix, MatrixForward, MatrixBackward)
