// The one time loop of all cells, and the arrays that it runs over.
#pragma once

#include <thread>
#include <vector>

#include "product.h"

// A tensor as Python hands it over. Of (batch, length, features): strides of rows and of steps;
// of a matrix: stride of its rows. Features lie side by side.
struct Array {
    void* data;
    int64_t row, step;
};

// Rows [begin, end) of the batch, which one thread takes through all of time.
struct Part {
    int64_t begin, end, thread;
    int64_t count() const { return end - begin; }
};

// Values at every row and step: (batch, length, features). With a stride of 0 between steps only
// the newest are kept, which is enough where no gradient is wanted.
template <class T>
struct Steps {
    T* data;
    int64_t row, step;

    explicit Steps(const Array& array)
        : data(static_cast<T*>(array.data)), row(array.row), step(array.step) {}

    T* at(int64_t r, int64_t t) const { return data + r * row + t * step; }
    Rows<T> rows(Part part, int64_t t) const { return {at(part.begin, t), row}; }
};

// The state before a step: of the step before, or zeros.
template <class T>
struct Before {
    Steps<T> steps;
    std::vector<T> zeros;

    Before(const Steps<T>& steps, int64_t features) : steps(steps), zeros(features, T(0)) {}

    const T* at(int64_t r, int64_t t) const { return t ? steps.at(r, t - 1) : zeros.data(); }
    Rows<const T> rows(Part part, int64_t t) const {
        if (t == 0) return {zeros.data(), 0};
        return {steps.at(part.begin, t - 1), steps.row};
    }
};

// What a gradient carries from a step to the one before it: (batch, features).
template <class T>
struct Carry {
    int64_t features;
    std::vector<T> values;

    Carry(int64_t batch, int64_t features) : features(features), values(batch * features, T(0)) {}

    T* at(int64_t r) { return values.data() + r * features; }
    Rows<T> rows(Part part) { return {at(part.begin), features}; }
};

template <class T>
Rows<const T> constant(Rows<T> rows) {
    return {rows.data, rows.stride};
}

template <class T>
const T* values(const Array& array) {
    return static_cast<const T*>(array.data);
}

// sizes: batch, steps, threads, and then the cell's own.
enum Size { BATCH, STEPS, THREADS, OWN };

// Rows of a batch do not touch each other: each thread takes its rows through all steps.
template <class Cell>
void through_time(Cell& cell, const int64_t* sizes, bool backwards) {
    const int64_t batch = sizes[BATCH], steps = sizes[STEPS], threads = sizes[THREADS];
    auto run = [&](int64_t thread) {
        const Part part{batch * thread / threads, batch * (thread + 1) / threads, thread};
        for (int64_t step = 0; step < steps; ++step)
            cell.step(part, backwards ? steps - 1 - step : step);
    };
    std::vector<std::thread> others;
    for (int64_t thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
    run(0);
    for (auto& other : others) other.join();
}

// Names of a cell's two loops in the library, in both precisions.
#define EXPORT_LOOP(name, Cell, T, backwards)                    \
    extern "C" void name(const int64_t* sizes, const Array* arrays) { \
        Cell<T> cell(sizes, arrays);                             \
        through_time(cell, sizes, backwards);                    \
    }
#define EXPORT(name, Forward, Backward)                          \
    EXPORT_LOOP(name##_forward_float32, Forward, float, false)   \
    EXPORT_LOOP(name##_forward_float64, Forward, double, false)  \
    EXPORT_LOOP(name##_backward_float32, Backward, float, true)  \
    EXPORT_LOOP(name##_backward_float64, Backward, double, true)
